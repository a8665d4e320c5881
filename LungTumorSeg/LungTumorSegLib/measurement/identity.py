"""A lesion keeps its number while thresholds move, edits are painted, and others come and go.

Lesions are known by their voxels. The voxels of lesions that are gone, or that grew into another, stay remembered: a
lesion that comes back at the old threshold comes back with its own number, and so with the user's marks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from LungTumorSegLib.measurement.components import bounding_box
from LungTumorSegLib.volume.box import EMPTY, Box


@dataclass(frozen=True)
class Names:
    """What `Identities.keep` found.

    ids : the lesions' numbers, rising.
    merged_from : number of a lesion -> the lesions that grew into it; only those with any.
    """

    ids: tuple[int, ...]
    merged_from: dict[int, tuple[int, ...]]


class Identities:
    """The lesions of one scan by where they are or were.

    highest : the highest number ever given; new lesions get higher ones.
    """

    def __init__(self, highest: int = 0):
        self.highest = highest
        self._known = Box(EMPTY.start, EMPTY.values.astype(np.uint16))

    def keep(self, labels: Box) -> Names:
        """Renumber labels in place after the lesions that are known. Nothing is remembered; see `remember`.

        labels : uint16 on the scan's grid, as `lesion_labels` numbers them.

        A lesion is the known one with which it shares most voxels. Where a known one fell apart, the part with most
        of it keeps the number and the others get new ones; where known ones grew together, the number of the one
        with most voxels in there stands for all.
        """
        place = bounding_box(labels.values)
        if place is None:
            return Names((), {})
        values = labels.values[place]
        new, old = values[values > 0], self._part(labels.start, place)[values > 0]
        count = int(new.max())
        size = int(old.max(initial=0)) + 1
        shared = np.bincount(old.astype(np.int64) * (count + 1) + new, minlength=size * (count + 1))
        shared = shared.reshape(size, count + 1)
        present = np.flatnonzero(shared.sum(axis=0))
        pairs = np.argwhere(shared[1:, 1:]) + 1
        order = np.argsort(-shared[tuple(pairs.T)], kind="stable")
        number_of, taken = {}, {}
        for known, lesion in pairs[order].tolist():
            if lesion not in number_of and known not in taken:
                number_of[lesion] = known
                taken[known] = lesion
        merged_from = {
            number: tuple(known for known, other in pairs.tolist() if other == lesion and known not in taken)
            for lesion, number in number_of.items()
        }
        highest = self.highest
        for lesion in present.tolist():
            if lesion not in number_of:
                highest = number_of[lesion] = highest + 1
        table = np.zeros(count + 1, np.uint16)
        table[list(number_of)] = list(number_of.values())
        if (table[present] != present).any():
            labels.values[place] = table[values]
        return Names(tuple(sorted(number_of.values())), {n: old for n, old in merged_from.items() if old})

    def remember(self, labels: Box) -> None:
        """Take the numbered labels for what is known; lesions that are not among them stay known where they were."""
        place = bounding_box(labels.values)
        if place is None:
            return
        values = labels.values[place]
        start = tuple(int(a + part.start) for a, part in zip(labels.start, place, strict=True))
        present = np.flatnonzero(np.bincount(values[values > 0]))
        self.highest = max(self.highest, int(present[-1]))
        gone = np.where(np.isin(self._known.values, present), 0, self._known.values).astype(np.uint16)
        whole = Box(start, np.zeros_like(values, np.uint16)).larger(Box(self._known.start, gone))
        inside = whole.values[
            tuple(slice(a - o, a - o + n) for a, o, n in zip(start, whole.start, values.shape, strict=True))
        ]
        inside[inside == 0] = values[inside == 0]
        self._known = whole

    def forget(self, numbers: Iterable[int]) -> None:
        """No lesion will get these numbers again."""
        self._known.values[np.isin(self._known.values, list(numbers))] = 0

    def _part(self, start: tuple[int, int, int], place: tuple[slice, slice, slice]) -> np.ndarray:
        """The known lesions in a part of a box that begins at `start`, zero where nothing is known."""
        low = np.add(start, [part.start for part in place]) - self._known.start
        high = low + [part.stop - part.start for part in place]
        shape = np.array(self._known.values.shape)
        if (low >= 0).all() and (high <= shape).all():
            return self._known.values[tuple(slice(a, b) for a, b in zip(low, high, strict=True))]
        part = np.zeros(high - low, np.uint16)
        a, b = np.clip(low, 0, shape), np.clip(high, 0, shape)
        if (a < b).all():
            part[tuple(slice(x - o, y - o) for x, y, o in zip(a, b, low, strict=True))] = self._known.values[
                tuple(slice(x, y) for x, y in zip(a, b, strict=True))
            ]
        return part
