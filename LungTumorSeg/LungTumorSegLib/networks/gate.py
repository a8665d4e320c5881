"""The gate of system 2: does this slice hold the target at all?"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn

from LungTumorSegLib.networks.initialisation import initialise


def separable(inputs: int, outputs: int) -> list[nn.Module]:
    """A 3 x 3 convolution of each channel alone, a 1 x 1 one across channels, batch norm."""
    return [
        nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
    ]


class Entry(nn.Module):
    """Two separable convolutions and pooling, added to a strided 1 x 1 convolution: half the resolution."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.branch = nn.Sequential(
            *separable(inputs, outputs), nn.ReLU(), *separable(outputs, outputs), nn.MaxPool2d(3, stride=2, padding=1)
        )
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=2, bias=False), nn.BatchNorm2d(outputs))
        self.activation = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.branch(x) + self.shortcut(x))


class Middle(nn.Module):
    """Two separable convolutions added to their input."""

    def __init__(self, channels: int):
        super().__init__()
        self.branch = nn.Sequential(*separable(channels, channels), nn.ReLU(), *separable(channels, channels))
        self.activation = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(x + self.branch(x))


class XceptionGate(nn.Module):
    """A small classifier after Xception (Chollet 2017). (n, input_channels, h, w) -> logits (n, 1).

    h and w multiples of 16 with four widths; any size, since the features are pooled over all places.

    Parameters
    ----------
    input_channels : adjacent slices, the middle one to be judged.
    widths : channels of the stem and of each block that halves the resolution.
    middle_blocks : blocks at the coarsest resolution.
    dropout : before the last layer.

    Unlike Xception, the average over the places stands beside their maximum: what is looked for may be a few voxels of
    a slice, which an average alone dilutes.
    """

    def __init__(
        self,
        input_channels: int = 1,
        widths: tuple[int, ...] = (32, 64, 128, 256),
        middle_blocks: int = 2,
        dropout: float = 0.2,
    ):
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(input_channels, widths[0], 3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(),
        )
        self.entry = nn.ModuleList(Entry(before, width) for before, width in pairwise(widths))
        self.middle = nn.Sequential(*(Middle(widths[-1]) for _ in range(middle_blocks)))
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * widths[-1], 1)
        initialise(self)

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        x = self.stem(slices)
        for stage in self.entry:
            x = stage(x)
        x = self.middle(x)
        return self.head(self.dropout(torch.cat((x.mean((2, 3)), x.amax((2, 3))), dim=1)))
