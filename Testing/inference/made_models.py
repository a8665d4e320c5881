"""Networks whose answer is known, and their cards."""

import torch
from torch import nn

from LungTumorSegLib.networks.card import ModelCard


class Brightness(nn.Module):
    """Tumour is what is brighter than a limit: logit = steepness * (first channel's middle slice - limit)."""

    def __init__(self, limit: float, dimensions: int, steepness: float = 200.0):
        super().__init__()
        self.limit, self.steepness, self.dimensions = limit, steepness, dimensions
        self.windows = []  # shape of each input

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        self.windows.append(tuple(inputs.shape))
        channel = inputs.shape[1] // 2 if self.dimensions == 2 else 0
        return self.steepness * (inputs[:, channel : channel + 1] - self.limit)

    def __deepcopy__(self, memo):
        return self  # runners copy networks; this one is to see every window


def made_card(**changes) -> ModelCard:
    """A slice network at 4 mm, HU -1000..0 scaled to 0..1."""
    fields = {
        "name": "made",
        "task": "automatic",
        "network": "ENet-CBAM-Skip-Fine",
        "arguments": {"input_channels": 3},
        "spacing_mm": (4.0, 4.0, 4.0),
        "window": None,
        "hu_range": (-1000.0, 0.0),
        "adjacent_slices": 3,
        "threshold": 0.5,
        "overlap": 0.25,
        "licence": "made in a test",
    }
    return ModelCard(**{**fields, **changes})
