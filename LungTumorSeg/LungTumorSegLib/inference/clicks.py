"""Points that a user set in or beside a lesion, as the network sees them, and the part of its answer they mean."""

from __future__ import annotations

import numpy as np
import torch
from scipy import ndimage

INSIDE, OUTSIDE, BOX = 1, 2, 3  # channels of a prompted network's input, after the CT
CLICK_SIGMA_VOXELS = 2.0  # of the network's grid, as in training
OBEYED_SIGMA_VOXELS = 2.5  # how far a click reaches that the network did not obey (Resources/experiments.md)
OBEYED_LOGIT = 1.0  # how far beyond the threshold such a point comes to lie
LEAST = 1e-4  # a threshold of 1 is no logit
SLACK = 1e-3  # of two contradicting clicks on one spot neither can win
NEAREST_MM = 5.0  # a lesion farther than this from a point inside is not the one that was meant
HALO_VOXELS = 3  # what of the lesion's surroundings stays, for a lower threshold to be tried later
TOUCHING = np.ones((3, 3, 3), bool)


def bumps(shape: tuple[int, int, int], points: np.ndarray, sigma: float = CLICK_SIGMA_VOXELS) -> torch.Tensor:
    """Gaussian bumps of peak 1 at points (n, 3), voxels (k, j, i), fractions allowed; the highest counts."""
    image = torch.zeros(shape)
    for point in np.reshape(points, (-1, 3)):
        k, j, i = (
            torch.exp(-((torch.arange(n) - float(p)) ** 2) / (2 * sigma**2)) for n, p in zip(shape, point, strict=True)
        )
        image = torch.maximum(image, k[:, None, None] * j[None, :, None] * i[None, None, :])
    return image


def obeyed(logits: torch.Tensor, inside: np.ndarray, outside: np.ndarray, threshold: float) -> torch.Tensor:
    """The logits (d, h, w) with each point inside above the threshold and each point outside below it.

    inside, outside : (n, 3) voxels (k, j, i), the nearest counts; those beyond the window are left alone.

    What is missing at the points, up to `OBEYED_LOGIT` beyond the threshold, is interpolated by Gaussians: points that
    are obeyed already keep their logit, voxels farther away than a few `OBEYED_SIGMA_VOXELS` theirs.
    """
    points = np.rint(np.concatenate([np.reshape(inside, (-1, 3)), np.reshape(outside, (-1, 3))])).astype(int)
    sides = np.repeat([1.0, -1.0], [len(inside), len(outside)])
    within = ((points >= 0) & (points < logits.shape)).all(1)
    points, sides = points[within], sides[within]
    if not len(points):
        return logits
    border = np.clip(threshold, LEAST, 1 - LEAST)
    wanted = np.log(border / (1 - border)) + sides * OBEYED_LOGIT
    missing = np.maximum(0, sides * (wanted - logits[tuple(points.T)].numpy())) * sides
    if not missing.any():
        return logits
    apart = ((points[:, None] - points) ** 2).sum(-1)
    shares = np.exp(-apart / (2 * OBEYED_SIGMA_VOXELS**2)) + SLACK * np.eye(len(points))
    for point, strength in zip(points, np.linalg.solve(shares, missing), strict=True):
        logits = logits + float(strength) * bumps(logits.shape, point, OBEYED_SIGMA_VOXELS)
    return logits


def clicked(
    mask: np.ndarray, points: np.ndarray, spacing: np.ndarray, box: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The components of a mask that hold a point or lie nearest to it, within `NEAREST_MM`; and the others.

    points : (n, 3) voxels (k, j, i). spacing : mm (k, j, i). box : bool, the mask's shape; without points the component
    that fills most of it is meant.
    """
    labels, count = ndimage.label(mask, TOUCHING)
    meant = np.zeros(count + 1, bool)
    if len(points) == 0 and count:
        held = np.bincount(labels[box], minlength=count + 1)[1:]
        if held.max() > 0:
            meant[1 + held.argmax()] = True
    voxels = np.argwhere(mask)
    for point in points:
        if len(voxels) == 0:
            break
        apart = np.linalg.norm((voxels - point) * spacing, axis=1)
        nearest = int(apart.argmin())
        if apart[nearest] <= max(NEAREST_MM, np.linalg.norm(spacing) / 2):
            meant[labels[tuple(voxels[nearest])]] = True
    chosen = meant[labels]
    return chosen, mask & ~chosen


def with_halo(lesion: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The lesion and its surroundings, without the other lesions."""
    return ndimage.binary_dilation(lesion, TOUCHING, HALO_VOXELS) & ~others


def touches_border(mask: np.ndarray) -> bool:
    """True where the mask reaches the first or last voxel of an axis."""
    return any(mask.take(end, axis).any() for axis in range(3) for end in (0, -1))
