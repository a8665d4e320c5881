"""The 2D SegNet of the published comparison (system 1): pooling indices carry the places back up."""

from __future__ import annotations

import torch
from torch import nn

from LungTumorSegLib.networks.initialisation import initialise

WIDTHS = (64, 128, 256, 512)


class ConvolutionNormRelu(nn.Sequential):
    """A 3 x 3 convolution with bias, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU())


class SegNet(nn.Module):
    """SegNet (Badrinarayanan et al. 2017) with two convolutions a stage: 9,374,593 parameters.

    (n, input_channels, h, w) -> logits (n, output_channels, h, w); h and w multiples of 16.

    The counts fix all of it; there is no dropout.
    """

    def __init__(self, input_channels: int = 1, output_channels: int = 1):
        super().__init__()
        inputs = (input_channels, *WIDTHS[:-1])
        self.encoder = nn.ModuleList(
            nn.Sequential(ConvolutionNormRelu(before, width), ConvolutionNormRelu(width, width))
            for before, width in zip(inputs, WIDTHS, strict=True)
        )
        # The mirror: each stage narrows with its second convolution; the last one is the head.
        self.decoder = nn.ModuleList(
            nn.Sequential(ConvolutionNormRelu(width, width), ConvolutionNormRelu(width, narrower))
            for width, narrower in zip(WIDTHS[:0:-1], WIDTHS[-2::-1], strict=True)
        )
        self.last = ConvolutionNormRelu(WIDTHS[0], WIDTHS[0])
        self.head = nn.Conv2d(WIDTHS[0], output_channels, 3, padding=1)
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.unpool = nn.MaxUnpool2d(2)
        initialise(self, self.head)

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        x = slices
        places = []
        for stage in self.encoder:
            x, indices = self.pool(stage(x))
            places.append(indices)
        for stage in self.decoder:
            x = stage(self.unpool(x, places.pop()))
        return self.head(self.last(self.unpool(x, places.pop())))
