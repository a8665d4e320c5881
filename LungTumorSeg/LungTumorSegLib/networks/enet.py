"""ENet and its relatives (system 1): a small network for 2D slices, under 700 M multiply-adds each.

ENet (Paszke et al. 2016), ENet-Skip with two concatenations from encoder to decoder, ENet-CBAM-Skip with attention
in the sixteen bottlenecks at an eighth of the resolution, and ENet-CBAM-Skip-Fine, this project's own variant for
adjacent slices with an outline at full resolution.

What the published counts do not fix, chosen here:

- attention weighs the residual branch, after its last activation and before dropout and the addition, where the
  CBAM paper puts it in residual networks;
- a bottleneck's residual branch ends with an activation before the addition: the counts show it in the encoder (a
  PReLU each), and the decoder's, with ReLU, follow suit;
- "stage 1's output" is taken after its dropout and last addition, "the initial output" after its PReLU;
- concatenation puts the decoder's own channels first;
- dropout is spatial: 0.01 in stage 1, 0.1 everywhere else, on the residual branch as in the paper;
- enlarging in ENet, ENet-Skip and ENet-CBAM-Skip is by the pooling indices (MaxUnpool), as in the paper;
  in -Fine it is bilinear.

Each convolution is followed at once by its batch norm in the same `Sequential`, so that the two can be folded into
one for inference; only the initial block's norm spans two sources.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from LungTumorSegLib.networks.cbam import CBAM
from LungTumorSegLib.networks.initialisation import initialise

INITIAL_CHANNELS = 16
REDUCTION = 4  # a bottleneck's inside has a quarter of the channels that enter it
EARLY_DROPOUT = 0.01
DROPOUT = 0.1
HEAD_CHANNELS = 8

Activation = Callable[[], nn.Module]


def convolution(inputs: int, outputs: int, size, activation: Activation, **arguments) -> nn.Sequential:
    """Convolution without bias, batch norm, activation."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, size, bias=False, **arguments), nn.BatchNorm2d(outputs), activation()
    )


class Initial(nn.Module):
    """A strided convolution beside a pooled copy of the input: always 16 channels at half the resolution.

    Of n input channels, n of the 16 are their pooled copies and 16 - n are convolved (15 + 1 for a single slice).
    """

    def __init__(self, inputs: int):
        super().__init__()
        self.convolved = nn.Conv2d(inputs, INITIAL_CHANNELS - inputs, 3, stride=2, padding=1, bias=False)
        self.pooled = nn.MaxPool2d(3, stride=2, padding=1)
        self.finish = nn.Sequential(nn.BatchNorm2d(INITIAL_CHANNELS), nn.PReLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.finish(torch.cat((self.convolved(x), self.pooled(x)), dim=1))


class Regular(nn.Module):
    """A bottleneck that keeps the resolution: 1 x 1, the middle convolution, 1 x 1, added to the input.

    asymmetric: the middle is a 5 x 1 and a 1 x 5 convolution instead of one 3 x 3.
    skipped: channels concatenated behind the input's own; the shortcut is the input without them.
    """

    def __init__(
        self,
        channels: int,
        activation: Activation = nn.PReLU,
        *,
        dilation: int = 1,
        asymmetric: bool = False,
        skipped: int = 0,
        attention: bool = False,
        dropout: float = DROPOUT,
    ):
        super().__init__()
        self.channels = channels
        inputs = channels + skipped
        inside = inputs // REDUCTION
        if asymmetric:
            middle = [
                convolution(inside, inside, (5, 1), activation, padding=(2, 0)),
                convolution(inside, inside, (1, 5), activation, padding=(0, 2)),
            ]
        else:
            middle = [convolution(inside, inside, 3, activation, padding=dilation, dilation=dilation)]
        self.branch = nn.Sequential(
            convolution(inputs, inside, 1, activation), *middle, convolution(inside, channels, 1, activation)
        )
        self.attention = CBAM(channels) if attention else nn.Identity()
        self.dropout = nn.Dropout2d(dropout)
        self.activation = activation()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(x[:, : self.channels] + self.dropout(self.attention(self.branch(x))))


class Down(nn.Module):
    """A bottleneck that halves the resolution and widens; its shortcut is max-pooled and padded with empty channels."""

    def __init__(self, inputs: int, outputs: int, dropout: float = DROPOUT):
        super().__init__()
        self.added = outputs - inputs
        inside = inputs // REDUCTION
        self.pool = nn.MaxPool2d(2, return_indices=True)
        self.branch = nn.Sequential(
            convolution(inputs, inside, 2, nn.PReLU, stride=2),
            convolution(inside, inside, 3, nn.PReLU, padding=1),
            convolution(inside, outputs, 1, nn.PReLU),
        )
        self.dropout = nn.Dropout2d(dropout)
        self.activation = nn.PReLU()

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The narrower image and the places of its maxima."""
        pooled, places = self.pool(x)
        shortcut = nn.functional.pad(pooled, (0, 0, 0, 0, 0, self.added))
        return self.activation(shortcut + self.dropout(self.branch(x))), places


class Up(nn.Module):
    """A bottleneck that doubles the resolution and narrows; its shortcut goes back to the places of the maxima.

    smooth: the shortcut is enlarged bilinearly instead, and the places are not used.
    """

    def __init__(self, inputs: int, outputs: int, smooth: bool):
        super().__init__()
        inside = inputs // REDUCTION
        self.smooth = smooth
        self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs))
        self.enlarge = nn.Upsample(scale_factor=2, mode="bilinear") if smooth else nn.MaxUnpool2d(2)
        self.branch = nn.Sequential(
            convolution(inputs, inside, 1, nn.ReLU),
            nn.Sequential(
                nn.ConvTranspose2d(inside, inside, 2, stride=2, bias=False), nn.BatchNorm2d(inside), nn.ReLU()
            ),
            convolution(inside, outputs, 1, nn.ReLU),
        )
        self.dropout = nn.Dropout2d(DROPOUT)
        self.activation = nn.ReLU()

    def forward(self, x: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
        shortcut = self.shortcut(x)
        shortcut = self.enlarge(shortcut) if self.smooth else self.enlarge(shortcut, places)
        return self.activation(shortcut + self.dropout(self.branch(x)))


class FineHead(nn.Module):
    """The outline at full resolution: enlarged features beside the slices themselves, through two convolutions."""

    def __init__(self, features: int, input_channels: int, output_channels: int):
        super().__init__()
        self.narrow = convolution(features, HEAD_CHANNELS, 1, nn.ReLU)
        self.enlarge = nn.Upsample(scale_factor=2, mode="bilinear")
        self.blend = convolution(HEAD_CHANNELS + input_channels, HEAD_CHANNELS, 3, nn.ReLU, padding=1)
        self.last = nn.Conv2d(HEAD_CHANNELS, output_channels, 3, padding=1)

    def forward(self, features: torch.Tensor, slices: torch.Tensor) -> torch.Tensor:
        return self.last(self.blend(torch.cat((self.enlarge(self.narrow(features)), slices), dim=1)))


def context(attention: bool) -> nn.Sequential:
    """The eight bottlenecks of stage 2, and again of stage 3: ever wider views at an eighth of the resolution."""
    kinds = [{}, {"dilation": 2}, {"asymmetric": True}, {"dilation": 4}]
    kinds += [{}, {"dilation": 8}, {"asymmetric": True}, {"dilation": 16}]
    return nn.Sequential(*(Regular(128, attention=attention, **kind) for kind in kinds))


class ENet(nn.Module):
    """The four ENets. (n, input_channels, h, w) -> logits (n, output_channels, h, w); h and w multiples of 8.

    Parameters
    ----------
    input_channels : adjacent slices, the middle one to be segmented; fewer than 16.
    output_channels : classes, with the background where they exclude each other.
    skip : concatenate stage 1's output before stage 4 and the initial output before stage 5 (+11,776 parameters).
    attention : a CBAM in every bottleneck of stages 2 and 3 (+69,424).
    fine : bilinear enlarging and the full-resolution head in place of MaxUnpool and the transposed convolution.
    """

    def __init__(
        self,
        input_channels: int = 1,
        output_channels: int = 1,
        *,
        skip: bool = False,
        attention: bool = False,
        fine: bool = False,
    ):
        super().__init__()
        self.skip = skip
        self.fine = fine
        self.initial = Initial(input_channels)
        self.down1 = Down(INITIAL_CHANNELS, 64, EARLY_DROPOUT)
        self.stage1 = nn.Sequential(*(Regular(64, dropout=EARLY_DROPOUT) for _ in range(4)))
        self.down2 = Down(64, 128)
        self.stage2 = context(attention)
        self.stage3 = context(attention)
        self.up4 = Up(128, 64, smooth=fine)
        self.stage4 = nn.Sequential(Regular(64, nn.ReLU, skipped=64 if skip else 0), Regular(64, nn.ReLU))
        self.up5 = Up(64, INITIAL_CHANNELS, smooth=fine)
        self.stage5 = Regular(INITIAL_CHANNELS, nn.ReLU, skipped=INITIAL_CHANNELS if skip else 0)
        if fine:
            self.head = FineHead(INITIAL_CHANNELS, input_channels, output_channels)
            initialise(self, self.head.last)
        else:
            self.head = nn.ConvTranspose2d(
                INITIAL_CHANNELS, output_channels, 3, stride=2, padding=1, output_padding=1, bias=False
            )
            initialise(self, self.head)

    def forward(self, slices: torch.Tensor) -> torch.Tensor:
        initial = self.initial(slices)
        x, places1 = self.down1(initial)
        early = self.stage1(x)
        x, places2 = self.down2(early)
        x = self.up4(self.stage3(self.stage2(x)), places2)
        x = self.up5(self.stage4(torch.cat((x, early), dim=1) if self.skip else x), places1)
        x = self.stage5(torch.cat((x, initial), dim=1) if self.skip else x)
        return self.head(x, slices) if self.fine else self.head(x)
