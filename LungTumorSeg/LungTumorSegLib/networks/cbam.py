"""Convolutional block attention: which channels matter, then which places."""

from __future__ import annotations

import torch
from torch import nn


class CBAM(nn.Module):
    """CBAM (Woo et al. 2018): channel attention, then spatial attention; 4,339 parameters at 128 channels.

    (n, channels, h, w) -> the same shape, each value scaled by two weights in 0..1.

    Channels: one MLP channels - channels/ratio - channels with biases, over the average and over the maximum of
    the places, summed, sigmoid. Places: a 7 x 7 convolution with bias and without batch norm over the average and
    the maximum of the channels, sigmoid.
    """

    def __init__(self, channels: int, ratio: int = 8):
        super().__init__()
        self.channel_weights = nn.Sequential(
            nn.Linear(channels, channels // ratio), nn.ReLU(), nn.Linear(channels // ratio, channels)
        )
        self.place_weights = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        average, largest = self.channel_weights(x.mean((2, 3))), self.channel_weights(x.amax((2, 3)))
        x = x * torch.sigmoid(average + largest)[:, :, None, None]
        summary = torch.cat((x.mean(1, keepdim=True), x.amax(1, keepdim=True)), dim=1)
        return x * torch.sigmoid(self.place_weights(summary))
