"""Balls and noise, on grids whose truth is known."""

import numpy as np

from LungTumorSegLib.volume.geometry import Geometry

SPACING = (0.7, 0.8, 2.5)  # i, j, k


def ball(shape, centre, radius_mm, spacing=SPACING) -> np.ndarray:
    """centre : voxel indices k, j, i."""
    k, j, i = np.ogrid[tuple(slice(n) for n in shape)]
    sizes = np.array(spacing[::-1])
    apart = sum(((index - c) * mm) ** 2 for index, c, mm in zip((k, j, i), centre, sizes, strict=True))
    return apart <= radius_mm**2


def grid(array, spacing=SPACING) -> Geometry:
    return Geometry(array.shape, spacing)


def two_outlines(seed: int, shape=(14, 40, 44)) -> tuple[np.ndarray, np.ndarray]:
    """Two bodies that overlap in part, with loose voxels around: prediction and reference."""
    rng = np.random.default_rng(seed)
    masks = []
    for _ in range(2):
        centre = np.array(shape) / 2 + rng.uniform(-3, 3, 3)
        body = ball(shape, centre, rng.uniform(6, 11))
        masks.append(body | (rng.random(shape) < 0.002))
    return tuple(masks)
