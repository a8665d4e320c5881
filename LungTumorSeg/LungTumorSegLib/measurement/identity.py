"""A lesion keeps its number while thresholds move, edits are painted, and others come and go.

Lesions are known by their voxels. The voxels of lesions that are gone, or that grew into another, stay remembered: a
lesion that comes back at the old threshold comes back with its own number, and so with the user's marks.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import find_objects

from LungTumorSegLib.volume.box import Box, hull


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
        self._known: dict[int, Box] = {}  # number -> where it is or was, bool; no voxel in two

    def keep(self, labels: Box | Sequence[Box]) -> Names:
        """Renumber labels in place after the lesions that are known. Nothing is remembered; see `remember`.

        labels : uint16 on the scan's grid, as `lesion_labels` numbers them; or boxes that do not overlap, each with
            whole lesions.

        A lesion is the known one with which it shares most voxels. Where a known one fell apart, the part with most
        of it keeps the number and the others get new ones; where known ones grew together, the number of the one
        with most voxels in there stands for all.
        """
        parts = _parts(labels)
        present = sorted({n for part in parts for n in np.flatnonzero(np.bincount(part.values.ravel())).tolist()} - {0})
        shared = sorted(self._shared(parts), key=lambda three: (-three[0], three[1:]))
        number_of, taken = {}, {}
        for _count, known, lesion in shared:
            if lesion not in number_of and known not in taken:
                number_of[lesion] = known
                taken[known] = lesion
        pairs = sorted((known, lesion) for _count, known, lesion in shared)
        merged_from = {
            number: tuple(known for known, other in pairs if other == lesion and known not in taken)
            for lesion, number in number_of.items()
        }
        highest = self.highest
        for lesion in present:
            if lesion not in number_of:
                highest = number_of[lesion] = highest + 1
        if any(lesion != number for lesion, number in number_of.items()):
            table = np.zeros(max(present) + 1, np.uint16)
            table[list(number_of)] = list(number_of.values())
            for part in parts:
                part.values[...] = table[part.values]
        return Names(tuple(sorted(number_of.values())), {n: old for n, old in merged_from.items() if old})

    def remember(self, labels: Box | Sequence[Box]) -> None:
        """Take the numbered labels for what is known; lesions that are not among them stay known where they were."""
        present: dict[int, Box] = {}
        for part in _parts(labels):
            for number, box in enumerate(find_objects(part.values), start=1):
                if box is not None:
                    start = tuple(int(a + b.start) for a, b in zip(part.start, box, strict=True))
                    here = Box(start, part.values[box] == number)
                    present[number] = hull([present[number], here]) if number in present else here
        if not present:
            return
        self.highest = max(self.highest, *present)
        gone = {number: box for number, box in self._known.items() if number not in present}
        for box in present.values():
            for other in gone.values():
                overlap = box.overlap(other)
                if overlap is not None:
                    ours, theirs = overlap
                    ours &= ~theirs
        self._known = gone | {number: box for number, box in present.items() if box.values.any()}

    def forget(self, numbers: Iterable[int]) -> None:
        """No lesion will get these numbers again."""
        for number in numbers:
            self._known.pop(number, None)

    def where(self, number: int) -> Box | None:
        """Where the lesion is or was: a mask (bool); None for a number that is not known."""
        return self._known.get(number)

    def _shared(self, parts: list[Box]) -> list[tuple[int, int, int]]:
        """Number of voxels, known lesion, lesion: of all that share any."""
        found: dict[tuple[int, int], int] = {}
        for known, box in self._known.items():
            for part in parts:
                overlap = box.overlap(part)
                if overlap is None:
                    continue
                counts = np.bincount(overlap[1][overlap[0]])
                for lesion in (np.flatnonzero(counts[1:]) + 1).tolist():
                    found[known, lesion] = found.get((known, lesion), 0) + int(counts[lesion])
        return [(count, known, lesion) for (known, lesion), count in found.items()]


def _parts(labels: Box | Sequence[Box]) -> list[Box]:
    return [part for part in ([labels] if isinstance(labels, Box) else labels) if part.values.size]
