"""The 3D U-Net of system 5 whose fourth stage looks wide instead of going deeper."""

from __future__ import annotations

import torch
from torch import nn

from LungTumorSegLib.networks.initialisation import initialise

DILATION = 2


class DoubleConvolution(nn.Sequential):
    """Twice a 3 x 3 x 3 convolution, batch norm, ReLU."""

    def __init__(self, inputs: int, outputs: int, dilation: int = 1):
        layers = []
        for before in (inputs, outputs):
            layers += [
                nn.Conv3d(before, outputs, 3, padding=dilation, dilation=dilation, bias=False),
                nn.BatchNorm3d(outputs),
                nn.ReLU(),
            ]
        super().__init__(*layers)


class DilatedUNet3D(nn.Module):
    """3D U-Net (Cicek et al. 2016) of four stages, the fourth of dilated convolutions (rate 2); one map comes out.

    (n, input_channels, d, h, w) -> logits (n, output_channels, d, h, w); d, h and w multiples of 8.

    Parameters
    ----------
    input_channels : 4 for the images of a BraTS case.
    output_channels : 1 for the whole tumour, or one a class.
    widths : channels of each stage.

    Chosen here, not fixed by the description: batch norm, max pooling, transposed convolutions for enlarging.
    """

    def __init__(self, input_channels: int = 4, output_channels: int = 1, widths: tuple[int, ...] = (16, 32, 64, 128)):
        super().__init__()
        inputs = (input_channels, *widths[:-1])
        last = len(widths) - 1
        self.encoder = nn.ModuleList(
            DoubleConvolution(before, width, dilation=DILATION if stage == last else 1)
            for stage, (before, width) in enumerate(zip(inputs, widths, strict=True))
        )
        coarse_first = list(zip(widths[:0:-1], widths[-2::-1], strict=True))
        self.enlarge = nn.ModuleList(nn.ConvTranspose3d(width, narrow, 2, stride=2) for width, narrow in coarse_first)
        self.decoder = nn.ModuleList(DoubleConvolution(2 * narrow, narrow) for _, narrow in coarse_first)
        self.pool = nn.MaxPool3d(2)
        self.head = nn.Conv3d(widths[0], output_channels, 1)
        initialise(self, self.head)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        x = self.encoder[0](windows)
        features = []
        for stage in self.encoder[1:]:
            features.append(x)
            x = stage(self.pool(x))
        for enlarge, stage in zip(self.enlarge, self.decoder, strict=True):
            x = stage(torch.cat((enlarge(x), features.pop()), dim=1))
        return self.head(x)
