"""Batch norms folded into the convolutions before them: the same function with a third less memory traffic."""

from __future__ import annotations

import copy

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils.fusion import fuse_conv_bn_eval


def folded(network: nn.Module, example: torch.Tensor) -> nn.Module:
    """A copy of the network, in evaluation mode, without the batch norms that directly follow a convolution.

    Which follow is seen while the example runs, so the network may be built in any way. A convolution or norm that
    runs more than once, or whose output goes elsewhere too, would change the result; then the copy is left whole.

    example : (n, c, ...) as small as the network takes.
    """
    network = copy.deepcopy(network).eval()
    made_by: dict[int, tuple[str, torch.Tensor]] = {}  # the tensor is kept, so that its id stays its own
    pairs: list[tuple[str, str]] = []

    def watch(name: str):
        def seen(module: nn.Module, inputs: tuple, output: torch.Tensor) -> None:
            if isinstance(module, _ConvNd):
                made_by[id(output)] = (name, output)
            elif id(inputs[0]) in made_by:
                pairs.append((made_by[id(inputs[0])][0], name))

        return seen

    with torch.no_grad():
        handles = [
            module.register_forward_hook(watch(name))
            for name, module in network.named_modules()
            if isinstance(module, (_ConvNd, _BatchNorm))
        ]
        before = network(example)
        for handle in handles:
            handle.remove()
        whole = copy.deepcopy(network)
        for convolution, norm in pairs:
            first, second = network.get_submodule(convolution), network.get_submodule(norm)
            if isinstance(second, nn.Identity):
                return whole
            fused = fuse_conv_bn_eval(first, second, transpose=isinstance(first, _ConvTransposeNd))
            put(network, convolution, fused)
            put(network, norm, nn.Identity())
        after = network(example)
    scale = before.abs().amax().clamp(min=1e-6)
    network.eval()
    return network if ((after - before).abs().amax() / scale) < 1e-3 else whole


def put(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, own = name.rpartition(".")
    setattr(network.get_submodule(parent), own, module)
