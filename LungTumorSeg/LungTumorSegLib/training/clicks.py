"""Clicks as a radiologist makes them, and as the network sees them."""

from __future__ import annotations

import numpy as np
import torch

SIGMA_VOXELS = 2.0


def click_inside(nodule_mask: np.ndarray, depth_mm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A voxel (k, j, i) of the nodule: anywhere, near its core or near its edge, a third of the time each.

    depth_mm : distance of each voxel of the mask to the outside, as by `scipy.ndimage.distance_transform_edt`.
    """
    voxels = np.argwhere(nodule_mask)
    depth = depth_mm[tuple(voxels.T)]
    weight = (np.ones_like(depth), depth**2, 1 / depth**2)[rng.integers(3)]
    return voxels[rng.choice(len(voxels), p=weight / weight.sum())]


def bumps(shape: tuple[int, int, int], points: np.ndarray) -> torch.Tensor:
    """Gaussian bumps of peak 1 at points (n, 3), fractional voxels (k, j, i) -> (d, h, w); the highest counts."""
    image = torch.zeros(shape)
    for point in np.reshape(points, (-1, 3)):
        k, j, i = (
            torch.exp(-((torch.arange(n) - float(p)) ** 2) / (2 * SIGMA_VOXELS**2))
            for n, p in zip(shape, point, strict=True)
        )
        image = torch.maximum(image, k[:, None, None] * j[None, :, None] * i[None, None, :])
    return image
