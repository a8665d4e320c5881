"""How sure a diameter is: what it would be, were the probability cut elsewhere.

A sharp edge gives the same diameter at every threshold, a faint one does not. The interval says how much of a value is
the threshold's; it is no confidence interval, and what the network is wrong about throughout it does not show.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import distance_transform_edt, find_objects

from LungTumorSegLib.measurement.components import bounding_box, find_components
from LungTumorSegLib.measurement.diameters import LesionVoxels, long_axis, short_axis
from LungTumorSegLib.measurement.steps import Steps
from LungTumorSegLib.volume.geometry import Geometry

CUTS = (0.3, 0.4, 0.5, 0.6, 0.7)

Lengths = tuple[float, float]  # of long and short axis, mm


def measuring_by_cut(
    labels: np.ndarray, geometry: Geometry, probability: np.ndarray, known: dict[int, Lengths]
) -> Steps[dict[int, list[Lengths]]]:
    """Long and short axis of every lesion at the thresholds `CUTS`, in steps of a cut of a lesion.

    Parameters
    ----------
    labels : unsigned integers [k, j, i]; each value above 0 is one lesion.
    geometry : the grid of `labels`.
    probability : on the same grid, which should reach as far as the probability does: lesions grow at a lower cut.
    known : the lengths of each lesion as `labels` have it, by id; what a cut leaves unchanged is not measured again.

    Returns
    -------
    dict
        By id, as many lengths as there are cuts; (0, 0) where nothing of the lesion is left. A lesion with no voxel
        of at least the lowest cut (painted by hand) has no entry. Lesions that grow together at a lower cut are kept
        apart: each voxel counts for the lesion that is nearest.
    """
    highest = np.zeros(int(labels.max(initial=0)) + 1)
    np.maximum.at(highest, labels[labels > 0], probability[labels > 0])
    wanted = [number for number in known if highest[number] >= CUTS[0]]
    box = bounding_box(probability >= CUTS[0]) if wanted else None
    if box is None:
        return {}
    labels, probability = labels[box], probability[box]
    parts = find_components(probability >= CUTS[0])
    numbers = parts.painted(np.arange(len(parts.boxes), dtype=np.int32) + 1)
    boxes = find_objects(labels)
    found = {}
    for number in wanted:
        own = labels[boxes[number - 1]] == number
        mine = np.unique(numbers[boxes[number - 1]][own])
        mine = mine[mine > 0] - 1
        low, high = parts.boxes[mine, :, 0].min(axis=0), parts.boxes[mine, :, 1].max(axis=0)
        around = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
        region = np.isin(numbers[around], mine + 1)
        region &= nearest_label(labels[around], region, geometry) == number
        start = tuple(box[axis].start + low[axis] for axis in range(3))
        grid = geometry.box(start, tuple(a + n for a, n in zip(start, region.shape, strict=True)))
        found[number] = yield from at_cuts(region, labels[around] == number, probability[around], grid, known[number])
    return found


def nearest_label(labels: np.ndarray, region: np.ndarray, geometry: Geometry) -> np.ndarray:
    """To which lesion each voxel of the region belongs, by mm; cheap where there is one only."""
    present = np.unique(labels[region])
    present = present[present > 0]
    if len(present) == 1:
        return np.full(labels.shape, present[0], labels.dtype)
    elsewhere = (labels == 0) | ~region
    spacing = geometry.spacing[::-1]
    return labels[tuple(distance_transform_edt(elsewhere, spacing, return_distances=False, return_indices=True))]


def at_cuts(
    region: np.ndarray, own: np.ndarray, probability: np.ndarray, geometry: Geometry, known: Lengths
) -> Steps[list[Lengths]]:
    """`region`: where the lesion may reach; `own`: where it is now. Of several parts, that with most of it counts."""
    lengths, before, size = [], None, np.count_nonzero(own)
    for cut in CUTS:
        yield
        mask = region & (probability >= cut)
        box = bounding_box(mask)
        if box is None:
            lengths.append((0.0, 0.0))
            continue
        count = np.count_nonzero(mask)
        if count == before:  # each cut's voxels are among those of the cut before
            lengths.append(lengths[-1])
            continue
        before = count
        parts = find_components(mask[box])
        numbers = parts.painted(np.arange(len(parts.boxes), dtype=np.int32) + 1)
        overlap = np.bincount(numbers[own[box]], minlength=len(parts.boxes) + 1)[1:]
        if not overlap.any():
            lengths.append((0.0, 0.0))
            continue
        most = int(np.argmax(overlap))
        if overlap[most] == size == parts.voxel_counts[most]:
            lengths.append(known)
            continue
        part = tuple(slice(*ends) for ends in parts.boxes[most])
        start = tuple(int(a.start + b.start) for a, b in zip(box, part, strict=True))
        stop = tuple(int(a.start + b.stop) for a, b in zip(box, part, strict=True))
        voxels = LesionVoxels(numbers[part] == most + 1, geometry.box(start, stop))
        long = long_axis(voxels)
        lengths.append((long.length_mm, short_axis(voxels, long).length_mm))
    return lengths
