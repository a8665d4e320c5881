"""Small residual 3D U-Nets: the network behind a click, and system 5's whose stages are summed."""

from __future__ import annotations

from itertools import zip_longest

import torch
from torch import nn

from LungTumorSegLib.networks.initialisation import initialise


def convolution(inputs: int, outputs: int, size: int, stride: int = 1) -> list[nn.Module]:
    """Convolution without bias and its batch norm, side by side so that they can be folded into one."""
    return [
        nn.Conv3d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False),
        nn.BatchNorm3d(outputs),
    ]


class Residual(nn.Module):
    """Two 3 x 3 x 3 convolutions added to their input (He et al. 2016); a 1 x 1 x 1 one where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.branch = nn.Sequential(
            *convolution(inputs, outputs, 3, stride), nn.ReLU(), *convolution(outputs, outputs, 3)
        )
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(*convolution(inputs, outputs, 1, stride))
        self.activation = nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.activation(self.branch(x) + self.shortcut(x))


class Up(nn.Module):
    """Narrowed while still coarse, enlarged trilinearly, concatenated with the encoder's features, a residual block."""

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.narrow = nn.Sequential(*convolution(inputs, outputs, 1), nn.ReLU())
        self.enlarge = nn.Upsample(scale_factor=2, mode="trilinear")
        self.block = Residual(2 * outputs, outputs)

    def forward(self, x: torch.Tensor, skipped: torch.Tensor) -> torch.Tensor:
        return self.block(torch.cat((self.enlarge(self.narrow(x)), skipped), dim=1))


class ResidualUNet3D(nn.Module):
    """(n, input_channels, d, h, w) -> logits (n, output_channels, d, h, w); d, h and w multiples of 8 with four widths.

    Parameters
    ----------
    input_channels : 3 for prompts: the CT scaled to 0..1, bumps at points inside, bumps at points outside.
    widths : channels of each level; each level has half the resolution of the one before.
    blocks : residual blocks of each level of the encoder. The second one at a quarter of the resolution adds depth
        where a voxel is cheap and a nodule still spans several.
    summed : each expanding stage gives a map of its own, enlarged trilinearly and added to the next finer one's
        (system 5; Isensee et al. 2017, "Brain tumor segmentation and radiomics survival prediction", who also sum the
        stages). One answer comes out, and the loss reaches every stage directly.

    Batch norm, since it folds away at inference. Trilinear enlarging rather than transposed convolutions: smooth
    outlines, and fast on a CPU.
    """

    def __init__(
        self,
        input_channels: int = 3,
        output_channels: int = 1,
        widths: tuple[int, ...] = (16, 32, 64, 128),
        blocks: tuple[int, ...] = (1, 1, 2, 1),
        *,
        summed: bool = False,
    ):
        super().__init__()
        self.stem = nn.Sequential(*convolution(input_channels, widths[0], 3), nn.ReLU())
        inputs = (widths[0], *widths[:-1])
        self.encoder = nn.ModuleList(
            nn.Sequential(
                Residual(before, width, stride=1 if level == 0 else 2),
                *(Residual(width, width) for _ in range(count - 1)),
            )
            for level, (before, width, count) in enumerate(zip(inputs, widths, blocks, strict=True))
        )
        self.decoder = nn.ModuleList(
            Up(width, narrower) for width, narrower in zip(widths[:0:-1], widths[-2::-1], strict=True)
        )
        self.coarse_heads = nn.ModuleList(nn.Conv3d(width, output_channels, 1) for width in widths[-2:0:-1] if summed)
        self.enlarge = nn.Upsample(scale_factor=2, mode="trilinear")
        self.head = nn.Conv3d(widths[0], output_channels, 1)
        initialise(self, self.head)
        for head in self.coarse_heads:  # quiet at first: the final head alone holds the prior
            nn.init.zeros_(head.weight)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        x = self.stem(windows)
        features = []
        for level in self.encoder:
            x = level(x)
            features.append(x)
        features.pop()
        coarser = None
        for up, head in zip_longest(self.decoder, self.coarse_heads):
            x = up(x, features.pop())
            if head is not None:
                coarser = self.enlarge(head(x) if coarser is None else head(x) + coarser)
        return self.head(x) if coarser is None else self.head(x) + coarser
