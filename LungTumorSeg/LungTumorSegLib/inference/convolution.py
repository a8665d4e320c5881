"""3D convolutions of a single window at the speed of several."""

from __future__ import annotations

import torch
from torch import nn


class DirectConv3d(nn.Conv3d):
    """A 3D convolution that always goes to oneDNN.

    PyTorch gives small inputs of a batch of one to its own `slow_conv3d` (ConvParams::use_mkldnn in
    aten/src/ATen/native/Convolution.cpp), which makes a network behind a click take twice as long.
    """

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return torch.mkldnn_convolution(
            inputs, self.weight, self.bias, self.padding, self.stride, self.dilation, self.groups
        )


def go_direct(network: nn.Module) -> None:
    """Turn every plain 3D convolution of the network into a direct one, weights as they are. For processors."""
    if not torch.backends.mkldnn.is_available():
        return
    for module in network.modules():
        if type(module) is nn.Conv3d and module.padding_mode == "zeros" and isinstance(module.padding, tuple):
            module.__class__ = DirectConv3d
