"""The 2D U-Net of the published comparison (system 1): no batch norm, four levels."""

from __future__ import annotations

import torch
from torch import nn

from LungTumorSegLib.networks.initialisation import initialise


class DoubleConvolution(nn.Sequential):
    """Twice a 3 x 3 convolution with bias and a ReLU."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
            nn.ReLU(),
        )


class UNet(nn.Module):
    """U-Net (Ronneberger et al. 2015) as the published counts have it: 7,781,761 parameters.

    (n, input_channels, h, w) -> logits (n, output_channels, h, w); h and w multiples of 8.

    Chosen here, not fixed by the counts: the parameter-free x2 up-sampling is bilinear with
    ``align_corners=False``, so that a feature's place does not depend on the size of the image.
    """

    def __init__(self, input_channels: int = 1, output_channels: int = 1):
        super().__init__()
        self.down1 = DoubleConvolution(input_channels, 64)
        self.down2 = DoubleConvolution(64, 128)
        self.down3 = DoubleConvolution(128, 256)
        self.bottom = DoubleConvolution(256, 512)
        self.up3 = DoubleConvolution(512 + 256, 256)
        self.up2 = DoubleConvolution(256 + 128, 128)
        self.up1 = DoubleConvolution(128 + 64, 64)
        self.head = nn.Conv2d(64, output_channels, 1)
        self.pool = nn.MaxPool2d(2)
        self.enlarge = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
        initialise(self, self.head)

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        fine = self.down1(slices)
        middle = self.down2(self.pool(fine))
        coarse = self.down3(self.pool(middle))
        x = self.bottom(self.pool(coarse))
        x = self.up3(torch.cat((self.enlarge(x), coarse), dim=1))
        x = self.up2(torch.cat((self.enlarge(x), middle), dim=1))
        x = self.up1(torch.cat((self.enlarge(x), fine), dim=1))
        return self.head(x)
