"""Where a search suspects a lesion: what a second look is taken at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

SMALLEST_VOXELS = 3  # of the search's grid
MOST = 60  # the surest of them; a second look at more would take longer than the search
SURE_MM = 10.0
TOUCHING = np.ones((3, 3, 3), bool)


@dataclass(frozen=True, eq=False)
class Candidate:
    """voxel : (k, j, i) deep inside. box, inside : the component's slices and its voxels there (bool).
    highest : its highest probability. sureness : what candidates are ordered by."""

    voxel: np.ndarray
    box: tuple[slice, slice, slice]
    inside: np.ndarray
    highest: float
    sureness: float


def candidates(probability: np.ndarray, spacing: tuple[float, float, float], threshold: float) -> list[Candidate]:
    """The suspected lesions of a probability [k, j, i] (spacing in mm, same order), the surest first, `MOST` at most.

    A candidate is a component (26-neighbourhood) of what reaches the threshold; its voxel lies deepest in that part of
    it that reaches half its highest probability. How sure: the sum of its probability, as if it were no larger than a
    ball of `SURE_MM`, so that large ones do not crowd out small ones.
    """
    labels, _ = ndimage.label(probability >= threshold, TOUCHING)
    ball = np.pi / 6 * SURE_MM**3 / np.prod(spacing)
    found = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        inside = labels[box] == number
        count = int(inside.sum())
        if count < SMALLEST_VOXELS:
            continue
        values = np.where(inside, probability[box], 0)
        core = np.pad(values >= values.max() / 2, 1)
        depth = ndimage.distance_transform_edt(core, sampling=spacing)[1:-1, 1:-1, 1:-1]
        # Of equally deep voxels the surest: small lesions are one voxel deep everywhere.
        deepest = np.unravel_index(np.argmax(depth + values * 1e-3), depth.shape)
        voxel = np.add(deepest, [part.start for part in box])
        sureness = float(values.sum() * min(1.0, ball / count))
        found.append(Candidate(voxel, box, inside, float(values.max()), sureness))
    return sorted(found, key=lambda candidate: -candidate.sureness)[:MOST]
