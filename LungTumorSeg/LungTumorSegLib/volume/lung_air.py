"""The air of the lungs on a coarse grid: what the search and the measurement both begin with.

Arrays are in canonical axial order (head, back, left).
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

AIR_HU = -400  # lung and outside air lie below, tissue above: the usual half-way value
OUTSIDE_HU = -940  # outside air, with padding and blankets, is emptier than this on average; lungs hold vessels
SMALLEST_ML = 100.0  # smaller air is bowel, or lies between arm and chest
SMALLEST_CM2 = 6.0  # at the upper end: the trachea, which hangs on to the lungs, is narrower


def at_side(air: np.ndarray, coarse: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The part of `air` that, within its slice, is connected with the slice's border; and what of it is lung.

    On a tightly cropped scan the lungs reach the border. They are told from outside air by their mean.
    """
    within_slice = np.zeros((3, 3, 3), bool)
    within_slice[1] = ndimage.generate_binary_structure(2, 1)
    labels, count = ndimage.label(air, within_slice)
    touching = np.zeros(count + 1, bool)
    for edge in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        touching[edge] = True
    touching[0] = False
    flat = labels.ravel()
    mean = np.bincount(flat, coarse.ravel(), count + 1) / np.maximum(np.bincount(flat, minlength=count + 1), 1)
    return touching[labels], (touching & (mean > OUTSIDE_HU))[labels]


def large(air: np.ndarray, voxel_ml: float) -> np.ndarray:
    """The connected parts of `air` of at least `SMALLEST_ML`."""
    labels, _ = ndimage.label(air)
    keep = np.bincount(labels.ravel()) * voxel_ml >= SMALLEST_ML
    keep[0] = False
    return keep[labels]


def trim_trachea(lungs: np.ndarray, pixel_cm2: float) -> None:
    """Empty the slices above the uppermost one that is more than trachea."""
    wide = np.flatnonzero(lungs.sum((1, 2)) * pixel_cm2 >= SMALLEST_CM2)
    lungs[wide[-1] + 1 if len(wide) else 0 :] = False


def body_middle(tissue: np.ndarray) -> float:
    """Where the body's middle lies on the left-right axis, in voxels: the median of the tissue."""
    held = np.cumsum(tissue.sum((0, 1)))
    return float(np.searchsorted(held, held[-1] / 2))
