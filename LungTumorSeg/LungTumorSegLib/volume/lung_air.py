"""The air of the lungs on a coarse grid: what search, measurement and the places for training's nodules begin with.

Arrays are in canonical axial order (head, back, left).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

AIR_HU = -400  # lung and outside air lie below, tissue above: the usual half-way value
# Outside air is emptier than lung, which holds vessels. Where a mattress, a blanket or the table lies in it its mean is
# not, its median mostly still is.
OUTSIDE_MEAN_HU, OUTSIDE_MEDIAN_HU = -940, -970
LUNG_MEDIAN_HU = -930  # from here on it is hardly ever outside air; emphysema lies below
SMALLEST_ML = 100.0  # smaller air is bowel, or lies between arm and chest
PAIR_ML = 1500.0  # both lungs hold more, breathed out as well
# Gas in bowel and stomach is empty; so is a lung with severe emphysema, which is large.
GAS_MEDIAN_HU, GAS_ML = -955, 1000.0
SMALLEST_CM2 = 6.0  # at the upper end: the trachea, which hangs on to the lungs, is narrower


def lungs_air(coarse: np.ndarray, side: SideAir, coarse_mm: np.ndarray) -> tuple[np.ndarray, bool]:
    """The lungs' air, up to the scan's side where that cuts through them; and whether they lie open there for the most
    part, as in a tightly cropped scan.

    Air that the body closes in within its slice, and large, is lung (`large`); with it goes what may be lung at the
    side and is joined to it from slice to slice: outside air with blankets in it looks the same, but is not joined. In
    a cropped scan all that may be lung is. Where a whole pair of lungs is closed in and nothing at the side is joined
    to it, the scan is not cropped, whatever lies around it (COVID-CT-MD's normal001: 4.6 L in and on the mattress look
    like lung, beside 3.4 L of lungs).

    coarse : HU. side : of its air, see `side_air`. coarse_mm : spacing.
    """
    closed_in = (coarse < AIR_HU) & ~side.touching
    lungs = large(closed_in, coarse, coarse_mm)
    labels, count = ndimage.label(lungs | side.maybe_lung)
    keep = np.zeros(count + 1, bool)
    keep[labels[lungs]] = True
    joined = keep[labels]
    cut_open, closed = (np.count_nonzero(air) * np.prod(coarse_mm) / 1000 for air in (side.surely_lung, lungs))
    whole = closed >= PAIR_ML and np.array_equal(joined, lungs)
    if not whole and cut_open >= max(SMALLEST_ML, closed):
        return large(closed_in | side.maybe_lung, coarse, coarse_mm), True
    return joined, False


@dataclass(frozen=True, eq=False)
class SideAir:
    """Air that the scan's side touches, bool. Lung is told from outside air by mean and median within a slice.

    touching : all of it. maybe_lung : what of it is not as empty as outside air. surely_lung : what is denser.
    """

    touching: np.ndarray
    maybe_lung: np.ndarray
    surely_lung: np.ndarray


def side_air(coarse: np.ndarray) -> SideAir:
    """The air that, within its slice, is connected with the slice's border. coarse : HU."""
    within_slice = np.zeros((3, 3, 3), bool)
    within_slice[1] = ndimage.generate_binary_structure(2, 1)
    labels, count = ndimage.label(coarse < AIR_HU, within_slice)
    touching = np.zeros(count + 1, bool)
    for edge in (labels[:, 0], labels[:, -1], labels[:, :, 0], labels[:, :, -1]):
        touching[edge] = True
    touching[0] = False
    flat = labels.ravel()
    mean = np.bincount(flat, coarse.ravel(), count + 1) / np.maximum(np.bincount(flat, minlength=count + 1), 1)
    parts = np.flatnonzero(touching & (mean > OUTSIDE_MEAN_HU))
    median = np.full(count + 1, -np.inf)
    median[parts] = medians(coarse, labels, parts)
    return SideAir(touching[labels], (median > OUTSIDE_MEDIAN_HU)[labels], (median > LUNG_MEDIAN_HU)[labels])


def large(air: np.ndarray, coarse: np.ndarray, coarse_mm: np.ndarray) -> np.ndarray:
    """The connected parts of `air` of at least `SMALLEST_ML`, without the trachea above them, gas in bowel and stomach
    left out. coarse : HU."""
    labels, _ = ndimage.label(air)
    ml = np.bincount(labels.ravel()) * np.prod(coarse_mm) / 1000
    keep = ml >= SMALLEST_ML
    keep[0] = False
    doubtful = np.flatnonzero(keep & (ml < GAS_ML))
    keep[doubtful] = medians(coarse, labels, doubtful) > GAS_MEDIAN_HU
    lungs = keep[labels]
    trim_trachea(lungs, coarse_mm[1] * coarse_mm[2] / 100)
    return lungs


def medians(coarse: np.ndarray, labels: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """Of each of these labels. Their voxels alone are sorted: they are few, as a rule none."""
    if not len(parts):
        return np.empty(0)
    there = np.isin(labels, parts)
    return ndimage.median(coarse[there], labels[there], parts)


def trim_trachea(lungs: np.ndarray, pixel_cm2: float) -> None:
    """Empty the slices above the uppermost one that is more than trachea."""
    wide = np.flatnonzero(lungs.sum((1, 2)) * pixel_cm2 >= SMALLEST_CM2)
    lungs[wide[-1] + 1 if len(wide) else 0 :] = False


def body_middle(tissue: np.ndarray) -> float:
    """Where the body's middle lies on the left-right axis, in voxels: the median of the tissue."""
    held = np.cumsum(tissue.sum((0, 1)))
    return float(np.searchsorted(held, held[-1] / 2))
