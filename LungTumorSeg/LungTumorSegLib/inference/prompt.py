"""One lesion around a user's marks: only a window of the scan is read, and it grows with the lesion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.clicks import bumps, clicked, obeyed, with_halo
from LungTumorSegLib.inference.grid import positions, to_network, to_scan
from LungTumorSegLib.inference.looks import ZOOMS, Look, whole_lesion
from LungTumorSegLib.inference.marks import Marks
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.volume.geometry import Geometry

NEAR_EDGE = 2  # voxels: a mark nearer to the window's edge asks for a larger window


def window_around(marks: Marks, geometry: Geometry, card: ModelCard, zoom: float) -> Geometry | None:
    """The window at that zoom, centred on the marks' middle; None where they do not fit in.

    The middle lies exactly on the window's, ``(side - 1) / 2``, as in training.
    """
    own = geometry.spacing[::-1]
    spacing = tuple((mm or here) * zoom for mm, here in zip(card.spacing_mm, own, strict=True))
    middle = geometry.lps_to_ijk(marks.middle)
    reach = np.abs(geometry.lps_to_ijk(marks.extent) - middle).max(0) * geometry.spacing / spacing[::-1]
    half = (np.array(card.window[::-1]) - 1) / 2
    if (reach > half - NEAR_EDGE).any():
        return None
    first = middle - half * spacing[::-1] / geometry.spacing
    return Geometry(card.window, spacing[::-1], tuple(geometry.ijk_to_lps(first)), geometry.direction)


def find_lesion(
    voxels: np.ndarray,
    geometry: Geometry,
    card: ModelCard,
    predict: Callable[[torch.Tensor], torch.Tensor],
    marks: Marks,
    threshold: float,
    step: Callable[[float], None] = lambda fraction: None,
) -> tuple[tuple[int, int, int], np.ndarray, tuple[str, ...]]:
    """The probability of the lesion that the marks mean: its box's first voxel, its values, and notes.

    Parameters
    ----------
    voxels, geometry : the scan, canonical order.
    predict : inputs (1, c, d, h, w) -> logits (1, 1, d, h, w); the c channels are the CT, bumps at points inside, bumps
        at points outside and, for a network that takes one, the box.
    step : called with the fraction done before each window; may raise to stop.

    Raises `InputRefused` where a mark lies off the scan, the marks are too far apart for one lesion, or the model takes
    no box.

    The window grows until it shows the lesion whole, as `looks.whole_lesion` tells. Of several components those that
    hold a point inside stay; where there is only a box, the one that fills it most.
    """
    marks.refuse_off(geometry)
    channels = card.arguments["input_channels"]
    if marks.box is not None and channels < 4:
        raise InputRefused(f"the model {card.name} takes no box: click a point inside the lesion")
    asked = 0

    def look_at(zoom: float) -> Look | None:
        nonlocal asked
        window = window_around(marks, geometry, card, zoom)
        if window is None:
            return None
        step(asked / (len(ZOOMS) + 1))
        asked += 1
        image = to_network(voxels, geometry, window, card.hu_range)
        return Look(window, *look(image, geometry, window, channels, predict, marks, threshold))

    shown, whole = whole_lesion(look_at, sized=marks.box is not None)
    if not asked:
        raise InputRefused("the marks are too far apart for one lesion: mark one lesion at a time")
    if shown is None:
        return (0, 0, 0), np.zeros((0, 0, 0), np.float32), ("no lesion was found at the point",)
    notes = () if whole else ("the lesion may reach beyond what is shown: it is larger than the window",)
    return *to_scan(shown.probability, shown.window, geometry), notes


def look(
    image: torch.Tensor,
    geometry: Geometry,
    window: Geometry,
    channels: int,
    predict: Callable[[torch.Tensor], torch.Tensor],
    marks: Marks,
    threshold: float,
) -> tuple[torch.Tensor, np.ndarray]:
    """The lesion's probability in one window, 0 elsewhere; and its voxels from the threshold up, within the scan."""
    inputs = inputs_of(image, window, channels, marks)
    inside, outside = (window.lps_to_ijk(points)[:, ::-1] for points in (marks.inside, marks.outside))
    first = 0 if marks.box is not None else 1  # it says where, not how: the network may find its lesion beside it
    logits = obeyed(predict(inputs[None])[0, 0].cpu(), inside[first:], outside, threshold)
    probability, spacing = torch.sigmoid(logits), np.array(window.spacing[::-1])
    lesion, others = clicked(probability.numpy() >= threshold, inside, spacing, marks.drawn(window))
    probability *= torch.from_numpy(with_halo(lesion, others))
    for axis, (places, n) in enumerate(zip(positions(window, geometry), geometry.shape, strict=True)):
        # Beyond the scan its edge only goes on: a lesion there is no reason to look farther.
        off = (places < -0.5) | (places > n - 0.5)
        lesion[(slice(None),) * axis + (off,)] = False
    return probability, lesion


def inputs_of(image: torch.Tensor, window: Geometry, channels: int, marks: Marks) -> torch.Tensor:
    """What the network sees of a window, (channels, d, h, w)."""
    inside, outside = (window.lps_to_ijk(points)[:, ::-1] for points in (marks.inside, marks.outside))
    box = torch.from_numpy(marks.drawn(window)).float()
    return torch.stack([image, bumps(image.shape, inside), bumps(image.shape, outside), box])[:channels]
