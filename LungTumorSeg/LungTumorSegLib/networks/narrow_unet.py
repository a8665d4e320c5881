"""The 2D U-Net of system 4: few filters, batch norm and dropout by choice, several classes."""

from __future__ import annotations

import torch
from torch import nn

from LungTumorSegLib.networks.initialisation import initialise

LEVELS = 5


class NarrowUNet(nn.Module):
    """U-Net (Ronneberger et al. 2015) by its number of base filters, which doubles at each of five levels.

    (n, input_channels, h, w) -> logits (n, output_channels, h, w); h and w multiples of 16.

    Parameters
    ----------
    output_channels : 2 for left and right lung, each with a sigmoid of its own.
    base_filters : channels of the first level; 16 or 32 in system 4.
    batch_norm : after each 3 x 3 convolution.
    dropout : share of activations left out in training, 0.5 in system 4.

    Chosen here, not fixed by the description: five levels, transposed convolutions for enlarging, and dropout of single
    activations after each pooling and each concatenation, as such networks are usually taught.
    """

    def __init__(
        self,
        input_channels: int = 1,
        output_channels: int = 2,
        base_filters: int = 16,
        batch_norm: bool = True,
        dropout: float = 0.5,
    ):
        super().__init__()
        widths = [base_filters << level for level in range(LEVELS)]

        def block(inputs: int, outputs: int) -> nn.Sequential:
            layers = []
            for before in (inputs, outputs):
                layers.append(nn.Conv2d(before, outputs, 3, padding=1, bias=not batch_norm))
                layers += [nn.BatchNorm2d(outputs)] if batch_norm else []
                layers.append(nn.ReLU())
            return nn.Sequential(*layers)

        self.encoder = nn.ModuleList(
            block(before, width) for before, width in zip([input_channels, *widths], widths, strict=False)
        )
        coarse_first = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.enlarge = nn.ModuleList(nn.ConvTranspose2d(width, narrow, 2, stride=2) for width, narrow in coarse_first)
        self.decoder = nn.ModuleList(block(2 * narrow, narrow) for _, narrow in coarse_first)
        self.pool = nn.MaxPool2d(2)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Conv2d(base_filters, output_channels, 1)
        initialise(self, self.head)

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        x = self.encoder[0](slices)
        features = []
        for stage in self.encoder[1:]:
            features.append(x)
            x = stage(self.dropout(self.pool(x)))
        for enlarge, stage in zip(self.enlarge, self.decoder, strict=True):
            x = stage(self.dropout(torch.cat((enlarge(x), features.pop()), dim=1)))
        return self.head(x)
