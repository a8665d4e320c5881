"""Where a network looked: Seg-Grad-CAM.

Grad-CAM (Selvaraju et al. 2017) weighs a layer's channels by how much each raises the score; Seg-Grad-CAM
(Vinogradova et al. 2020) takes as the score the logits summed over a region of the segmentation.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from LungTumorSegLib.errors import InputRefused

ENLARGING = {2: "bilinear", 3: "trilinear"}


def grad_cam(
    network: nn.Module,
    inputs: torch.Tensor,
    target_mask: torch.Tensor,
    layer: str,
    score: Callable[[torch.Tensor], torch.Tensor] = lambda logits: logits,
) -> torch.Tensor:
    """How much each place spoke for tumour inside `target_mask`.

    Parameters
    ----------
    network : in evaluation mode; its weights, gradients and `requires_grad` are left as they are. Fold batch norms
        under `torch.no_grad`, not `torch.inference_mode`: autograd cannot use weights made in the latter.
    inputs : (n, c, h, w) or (n, c, d, h, w), of the network's type and device. Float32 gives the cleanest map.
    target_mask : (n, 1, ...) of the inputs' size; what is not 0 counts.
    layer : dotted name of any module that puts out features (n, channels, ...); `layers` lists the useful ones.
        Of a module that runs several times, the last time counts.
    score : logits (n, c, ...) -> (n, 1, ...), of a network with several classes: what is explained.

    Returns
    -------
    (n, 1, ...) float32, 0 and more, of the inputs' size: at the layer, ReLU of the sum of features weighted by the
    mean of their gradient over all places, enlarged linearly. Each item of the batch has its own weights; an item
    with an empty mask is 0, and so is one where nothing spoke for tumour. The scale is that of the logits: divide by
    the maximum over a whole scan to show 0 to 1.

    Raises `InputRefused` for a layer that does not exist or has no features.
    """
    if network.training:
        raise ValueError("Grad-CAM needs the network in evaluation mode: in training mode slices influence each other")
    if target_mask.shape != (inputs.shape[0], 1, *inputs.shape[2:]):
        raise ValueError(f"the mask is {tuple(target_mask.shape)}, the inputs are {tuple(inputs.shape)}")
    module = find(network, layer)
    nothing = torch.zeros(target_mask.shape, device=inputs.device)
    if not target_mask.any():
        return nothing

    features: torch.Tensor | None = None

    def cut(_module, _inputs, output):
        """Let autograd begin here: nothing before the layer is differentiated, and frozen weights do not matter."""
        nonlocal features
        values, *rest = output if isinstance(output, tuple) else (output,)
        if not isinstance(values, torch.Tensor) or values.ndim != inputs.ndim:
            others = [each for each in layers(network) if each != layer]
            raise InputRefused(f"{layer} has no feature maps: choose one of {', '.join(others)}")
        features = values.detach().requires_grad_()
        onward = features.clone()  # what follows may work in place
        return (onward, *rest) if isinstance(output, tuple) else onward

    handle = module.register_forward_hook(cut)
    try:
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            torch.autocast(inputs.device.type, enabled=False),
        ):
            logits = score(network(inputs.detach().clone()))
            if features is None:
                raise InputRefused(f"{layer} does not run: choose one of {', '.join(layers(network))}")
            (gradient,) = torch.autograd.grad(logits[target_mask != 0].sum(), features, materialize_grads=True)
    finally:
        handle.remove()
    places = tuple(range(2, inputs.ndim))
    weights = gradient.float().mean(places, keepdim=True)
    heat = (weights * features.detach().float()).sum(1, keepdim=True).relu()
    return nn.functional.interpolate(heat, inputs.shape[2:], mode=ENLARGING[len(places)])


def layers(network: nn.Module) -> list[str]:
    """Names worth showing, from the input to the output: every stage of a network that learns, but not its head."""
    names = []
    for name, child in network.named_children():
        stages = child.named_children() if isinstance(child, nn.ModuleList) else [("", child)]
        names += [f"{name}.{each}".rstrip(".") for each, stage in stages if any(True for _ in stage.parameters())]
    return [name for name in names if name != "head"]


def find(network: nn.Module, layer: str) -> nn.Module:
    named = dict(network.named_modules())
    if not layer or layer not in named:
        raise InputRefused(f"unknown layer {str(layer)[:60]!r}: choose one of {', '.join(layers(network))}")
    return named[layer]
