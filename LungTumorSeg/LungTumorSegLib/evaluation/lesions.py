"""Which lesions were found, and which findings are none: what counts in a search, lesion by lesion.

A candidate (a component of the prediction) hits a reference lesion where they share more than `overlap` of their union
(0: where they touch in a single voxel). A lesion is found where any candidate hits it; further ones that hit it count
neither as found nor as false, as in LUNA16 (Setio et al., Medical Image Analysis 42 (2017) 1-13), where a hit is a
point within the lesion's radius instead. One candidate may hit several lesions. A candidate that hits none is a false
positive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects

from LungTumorSegLib.measurement.components import bounding_box
from LungTumorSegLib.measurement.diameters import LesionVoxels, long_axis
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.volume.geometry import Geometry


@dataclass(frozen=True)
class Candidate:
    """number : its label. probability : mean over its voxels; 1 where only a mask is known. hits : the lesions."""

    number: int
    voxels: int
    probability: float
    hits: tuple[int, ...]


@dataclass(frozen=True)
class ReferenceLesion:
    """number : its label. axial_mm : long axis. found_by : candidates that hit it.

    dice, found_axial_mm : of the union of these candidates against it; 0 where missed.
    """

    number: int
    voxels: int
    axial_mm: float
    found_by: tuple[int, ...]
    dice: float
    found_axial_mm: float

    @property
    def found(self) -> bool:
        return bool(self.found_by)

    @property
    def axial_error(self) -> float:
        """|dp - dg| / dg of the long axes, not cut off at 1."""
        return abs(self.found_axial_mm - self.axial_mm) / self.axial_mm


@dataclass(frozen=True)
class Detection:
    """One scan's outcome."""

    lesions: tuple[ReferenceLesion, ...]
    candidates: tuple[Candidate, ...]

    @property
    def false_positives(self) -> int:
        return sum(not candidate.hits for candidate in self.candidates)

    @property
    def found(self) -> int:
        return sum(lesion.found for lesion in self.lesions)


def detect(
    found: np.ndarray,
    reference: np.ndarray,
    geometry: Geometry,
    probability: np.ndarray | None = None,
    overlap: float = 0.0,
) -> Detection:
    """found, reference : numbers [k, j, i] of candidates and of lesions on one grid, 0 = none. overlap : 0 to 1."""
    box = common_box(found, reference)
    if box is None:
        return Detection((), ())
    found, reference = found[box], reference[box]
    probability = None if probability is None else probability[box]
    size, true_size = np.bincount(found.ravel(), minlength=1), np.bincount(reference.ravel(), minlength=1)
    inside = (found != 0) & (reference != 0)
    pairs, shared = np.unique(np.stack([found[inside], reference[inside]]), axis=1, return_counts=True)
    hits = [
        (int(c), int(g))
        for (c, g), n in zip(pairs.T, shared, strict=True)
        if n / (size[c] + true_size[g] - n) > overlap
    ]
    scores = np.ones(len(size))
    if probability is not None:
        where = found != 0
        sums = np.bincount(found[where], probability[where].astype(np.float64), minlength=len(size))
        scores = sums / np.maximum(size, 1)
    candidates = tuple(
        Candidate(int(c), int(size[c]), float(scores[c]), tuple(g for by, g in hits if by == c))
        for c in np.flatnonzero(size)
        if c
    )
    in_common = {(int(c), int(g)): int(n) for (c, g), n in zip(pairs.T, shared, strict=True)}
    places, found_places = find_objects(reference), find_objects(found)
    lesions = []
    for g in (int(g) for g in np.flatnonzero(true_size) if g):
        by = tuple(c for c, hit in hits if hit == g)
        dice = mm = 0.0
        if by:
            dice = 2 * sum(in_common[c, g] for c in by) / (sum(size[c] for c in by) + true_size[g])
            mm = long_axis_mm(found, by, [found_places[c - 1] for c in by], geometry)
        lesions.append(
            ReferenceLesion(
                g, int(true_size[g]), long_axis_mm(reference, (g,), [places[g - 1]], geometry), by, float(dice), mm
            )
        )
    return Detection(tuple(lesions), candidates)


def common_box(a: np.ndarray, b: np.ndarray) -> tuple[slice, ...] | None:
    """The box around both masks: all that counts lies in it."""
    boxes = [box for box in (bounding_box(a), bounding_box(b)) if box is not None]
    if not boxes:
        return None
    return tuple(slice(min(s.start for s in side), max(s.stop for s in side)) for side in zip(*boxes, strict=True))


def long_axis_mm(labels: np.ndarray, numbers: tuple[int, ...], boxes: list, geometry: Geometry) -> float:
    """Long axis of one or several labels as one lesion."""
    box = tuple(slice(min(b[axis].start for b in boxes), max(b[axis].stop for b in boxes)) for axis in range(3))
    start, stop = tuple(side.start for side in box), tuple(side.stop for side in box)
    return long_axis(LesionVoxels(np.isin(labels[box], numbers), geometry.box(start, stop))).length_mm


def numbered(mask: np.ndarray, geometry: Geometry, smallest_mm: float = 0.0) -> np.ndarray:
    """The lesions of a mask as uint16 numbers.

    A mask with several labels numbers its lesions itself, as the product's `lesions.nii.gz` does; one with a single
    label is taken apart into components (26-neighbourhood). Those of a shorter long axis are left out.
    """
    box = bounding_box(mask)
    values = [] if box is None else np.flatnonzero(np.bincount(mask[box].ravel(), minlength=1)[1:]) + 1
    if len(values) < 2:
        return lesion_labels(mask, geometry, smallest_mm=smallest_mm)
    labels = mask.astype(np.uint16, copy=True)
    if smallest_mm > 0:
        for value, box in enumerate(find_objects(labels), start=1):
            if box is not None and long_axis_mm(labels, (value,), [box], geometry) < smallest_mm:
                labels[box][labels[box] == value] = 0
    return labels
