"""The lesions of a probability at a threshold, box by box: `measurement.lesions` for a hand that drags the slider."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.components import bounding_box, find_components
from LungTumorSegLib.measurement.lesions import MOST_LESIONS, long_enough
from LungTumorSegLib.scene.blocks import Blocks
from LungTumorSegLib.scene.cut import Cut
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry


def cut_lesions(blocks: Blocks, grid: Geometry, cut: Cut, asked: Iterable[Box] = ()) -> list[Box]:
    """Number the lesions as `measurement.lesions.lesion_labels` does.

    Parameters
    ----------
    blocks : of the probability on the scan's whole grid.
    grid : the scan's.
    asked : probabilities of lesions that the user asked for: what holds a voxel of theirs from the threshold up is
        neither too small nor left out for a larger one.

    Returns
    -------
    list of Box
        uint16 labels in boxes that do not overlap, each with whole lesions; by falling volume of all lesions 1, 2, ...
    """
    if not 0 < cut.threshold <= 1:
        raise InputRefused(f"the threshold must be above 0 and at most 1, not {cut.threshold}: choose e.g. 0.5")
    found = []
    for place in blocks.above(cut.threshold):
        mask = blocks.values[place] >= cut.threshold
        inner = bounding_box(mask)
        components = find_components(mask[inner])
        start = tuple(int(a.start + b.start) for a, b in zip(place, inner, strict=True))
        part = Box(start, np.zeros(components.mask.shape, np.uint16))
        exempt = _asked(components, part, asked, cut.threshold)
        enough = exempt | long_enough(components, grid.box(part.start, part.stop), cut.smallest_mm)
        found.append((part, components, components.voxel_counts, enough, exempt))
    if not found:
        return []
    counts, enough, exempt = (np.concatenate([one[n] for one in found]) for n in (2, 3, 4))
    order = np.argsort(-counts, kind="stable")
    kept = order[enough[order]]
    if cut.largest_only:
        kept = kept[exempt[kept] | (np.arange(len(kept)) == 0)]
    if len(kept) > MOST_LESIONS:
        raise InputRefused(f"{len(kept)} separate lesions: raise the threshold or the smallest size")
    numbers = np.zeros(len(counts), np.uint16)
    numbers[kept] = np.arange(1, len(kept) + 1)
    parts, first = [], 0
    for part, components, own, _, _ in found:
        here = numbers[first : first + len(own)]
        first += len(own)
        if here.any():
            parts.append(Box(part.start, components.painted(here)))
    return parts


def _asked(components, part: Box, asked: Iterable[Box], threshold: float) -> np.ndarray:
    """(components,) bool: which hold a voxel that was asked for."""
    exempt, numbers = np.zeros(len(components.boxes), bool), None
    for box in asked:
        if box.overlap(part) is not None:
            if numbers is None:
                numbers = Box(part.start, components.painted(np.arange(len(exempt), dtype=np.int32) + 1))
            values, here = box.overlap(numbers)
            held = np.unique(here[values >= threshold])
            exempt[held[held > 0] - 1] = True
    return exempt
