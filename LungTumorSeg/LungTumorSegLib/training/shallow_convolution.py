"""3D convolutions of few slices, which oneDNN teaches wrongly in bfloat16."""

from __future__ import annotations

import torch
from torch import nn


class ShallowConv3d(nn.Conv3d):
    """A 3D convolution that computes in float32 on a processor where its input has fewer slices than its kernel.

    Of such a one oneDNN's `jit_bf16:avx512_core_bf16` (3.12 in PyTorch 2.13; kernel 3 on two slices is enough) reads
    and writes memory of others in the backward pass of the weights: their gradient is what happened to lie there, at
    times 1e20 or NaN, mostly just wrong. Such layers are the smallest of a network, so the time is not felt.
    `Resources/experiments.md` has the reduction.
    """

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        if inputs.device.type != "cpu" or inputs.shape[-3] >= self.kernel_size[0]:
            return super().forward(inputs)
        with torch.autocast("cpu", enabled=False):
            return super().forward(inputs.float())


def guard_shallow(network: nn.Module) -> None:
    """Turn every plain 3D convolution of the network into a guarded one, weights as they are."""
    for module in network.modules():
        if type(module) is nn.Conv3d:
            module.__class__ = ShallowConv3d
