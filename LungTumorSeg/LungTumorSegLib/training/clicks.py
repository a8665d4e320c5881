"""Clicks as a radiologist makes them."""

from __future__ import annotations

import numpy as np


def click_inside(nodule_mask: np.ndarray, depth_mm: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A voxel (k, j, i) of the nodule: anywhere, near its core or near its edge, a third of the time each.

    depth_mm : distance of each voxel of the mask to the outside, as by `scipy.ndimage.distance_transform_edt`.
    """
    voxels = np.argwhere(nodule_mask)
    depth = depth_mm[tuple(voxels.T)]
    weight = (np.ones_like(depth), depth**2, 1 / depth**2)[rng.integers(3)]
    return voxels[rng.choice(len(voxels), p=weight / weight.sum())]
