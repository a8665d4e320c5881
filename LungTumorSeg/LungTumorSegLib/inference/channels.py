"""The images of one case on the grid of a network that reads several of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.grid import to_network
from LungTumorSegLib.inference.scan import Scan
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.volume.geometry import Geometry, Volume


def refuse_channels(card: ModelCard, first: Volume, others: Sequence[Volume]) -> None:
    """`InputRefused` where there are not as many images as the model reads, or they lie on different grids."""
    if 1 + len(others) != len(card.channels):
        wanted = f"{len(card.channels)} image{'s' if len(card.channels) > 1 else ''} of a case"
        raise InputRefused(
            f"the model {card.name} reads {wanted} ({', '.join(card.channels)}), not {1 + len(others)}: give it those"
        )
    for other in others:
        if other.geometry.shape != first.geometry.shape or not np.allclose(
            other.geometry.ijk_to_lps(corners(other.geometry)),
            first.geometry.ijk_to_lps(corners(first.geometry)),
            atol=0.01,
        ):
            raise InputRefused("the images of one case must lie on one grid: resample them to the first one's")


def corners(geometry: Geometry) -> np.ndarray:
    """Origin and the ends of the three axes, voxels (i, j, k)."""
    return np.vstack([np.zeros(3), np.diag(np.subtract(geometry.shape[::-1], 1))])


def channels_on(
    grid: Geometry,
    scan: Scan,
    others: Sequence[Volume],
    card: ModelCard,
    step: Callable[[float], None] = lambda fraction: None,
) -> torch.Tensor:
    """The case on the network's grid: (d, h, w), or (c, d, h, w) where the model reads several images.

    step : called with the fraction done; may raise to stop.
    """
    scans = [scan, *map(Scan, others)]
    images = [
        to_network(each.voxels, each.geometry, grid, card.hu_range, lambda f, n=n: step((n + f) / len(scans)))
        for n, each in enumerate(scans)
    ]
    return images[0] if len(images) == 1 else torch.stack(images)
