"""One lesion around clicked points: only a window of the scan is read, and it grows with the lesion."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.clicks import bumps, clicked, touches_border, with_halo
from LungTumorSegLib.inference.grid import positions, to_network, to_scan
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.volume.geometry import Geometry

ZOOMS = (1, 2, 4)
NEAR_EDGE = 2  # voxels: a point nearer to the window's edge asks for a larger window

Points = list[tuple[float, float, float]]


def refuse_points(inside: Points, outside: Points, geometry: Geometry) -> None:
    """`InputRefused` where there is no point inside, or one lies off the scan."""
    if not inside:
        raise InputRefused("no point inside the lesion: click at least one")
    for point in [*inside, *outside]:
        if len(point) != 3 or not np.isfinite(point).all():
            raise InputRefused(f"a point must be three numbers (LPS mm), not {point}")
        index = geometry.lps_to_ijk(np.array(point))
        if (index < -0.5).any() or (index > np.array(geometry.shape[::-1]) - 0.5).any():
            place = ", ".join(f"{x:.1f}" for x in point)
            raise InputRefused(f"the point ({place}) lies outside the scan: click inside it (LPS mm)")


def window_around(inside: np.ndarray, geometry: Geometry, card: ModelCard, zoom: int) -> Geometry | None:
    """The window at that zoom, centred between the points inside (LPS mm, (n, 3)); None where they do not fit in.

    A single point lies exactly on the middle, ``(side - 1) / 2``, as in training.
    """
    own = geometry.spacing[::-1]
    spacing = tuple((mm or here) * zoom for mm, here in zip(card.spacing_mm, own, strict=True))
    index = geometry.lps_to_ijk(inside)
    middle = (index.min(0) + index.max(0)) / 2
    reach = (index.max(0) - index.min(0)) / 2 * geometry.spacing / spacing[::-1]
    half = (np.array(card.window[::-1]) - 1) / 2
    if len(inside) > 1 and (reach > half - NEAR_EDGE).any():
        return None
    first = middle - half * spacing[::-1] / geometry.spacing
    return Geometry(card.window, spacing[::-1], tuple(geometry.ijk_to_lps(first)), geometry.direction)


def find_lesion(
    voxels: np.ndarray,
    geometry: Geometry,
    card: ModelCard,
    predict: Callable[[torch.Tensor], torch.Tensor],
    inside: Points,
    outside: Points,
    threshold: float,
    step: Callable[[float], None] = lambda fraction: None,
) -> tuple[tuple[int, int, int], np.ndarray, tuple[str, ...]]:
    """The probability of the lesion that the points mean: its box's first voxel, its values, and notes.

    Parameters
    ----------
    voxels, geometry : the scan, canonical order.
    predict : inputs (1, 3, d, h, w) -> logits (1, 1, d, h, w).
    inside, outside : LPS mm. All points inside belong to one lesion.
    step : called with the fraction done before each window; may raise to stop.

    The window grows while the lesion touches its border, and while none is found (in the midst of a large tumour a
    small window shows nothing but tumour). Of several components those with a point inside stay.
    """
    refuse_points(inside, outside, geometry)
    inside, outside = np.reshape(inside, (-1, 3)), np.reshape(outside, (-1, 3))
    grid = probability = None
    complete = tried = False
    for number, zoom in enumerate(ZOOMS):
        window = window_around(inside, geometry, card, zoom)
        if window is None:
            continue
        step(number / len(ZOOMS))
        tried = True
        values, lesion = look(voxels, geometry, window, card, predict, inside, outside, threshold)
        if lesion.any():
            grid, probability = window, values
            complete = not touches_border(lesion)
        if complete or (probability is not None and not lesion.any()):
            break
    if not tried:
        raise InputRefused("the points inside are too far apart for one lesion: click one lesion at a time")
    if probability is None:
        return (0, 0, 0), np.zeros((0, 0, 0), np.float32), ("no lesion was found at the point",)
    notes = () if complete else ("the lesion may reach beyond what is shown: it is larger than the window",)
    return *to_scan(probability, grid, geometry), notes


def look(
    voxels: np.ndarray,
    geometry: Geometry,
    window: Geometry,
    card: ModelCard,
    predict: Callable[[torch.Tensor], torch.Tensor],
    inside: np.ndarray,
    outside: np.ndarray,
    threshold: float,
) -> tuple[torch.Tensor, np.ndarray]:
    """The lesion's probability in one window, 0 elsewhere; and its voxels from the threshold up, within the scan."""
    at_inside, at_outside = (window.lps_to_ijk(points)[:, ::-1] for points in (inside, outside))
    image = to_network(voxels, geometry, window, card.hu_range)
    inputs = torch.stack([image, bumps(window.shape, at_inside), bumps(window.shape, at_outside)])
    probability = torch.sigmoid(predict(inputs[None])[0, 0]).cpu()
    lesion, others = clicked(probability.numpy() >= threshold, at_inside, np.array(window.spacing[::-1]))
    probability *= torch.from_numpy(with_halo(lesion, others))
    for axis, (places, n) in enumerate(zip(positions(window, geometry), geometry.shape, strict=True)):
        # Beyond the scan its edge only goes on: a lesion there is no reason to look farther.
        off = (places < -0.5) | (places > n - 0.5)
        lesion[(slice(None),) * axis + (off,)] = False
    return probability, lesion
