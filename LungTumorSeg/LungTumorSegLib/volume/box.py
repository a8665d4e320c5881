"""The part of a map that is not zero: what travels from the network to the screen instead of whole volumes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Index = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Box:
    """A sub-array of a volume's grid; all around it is zero.

    start : (k, j, i) of its first voxel in the volume's array.
    values : array [k, j, i]; may be empty.
    """

    start: Index
    values: np.ndarray

    @property
    def stop(self) -> Index:
        return tuple(a + n for a, n in zip(self.start, self.values.shape, strict=True))

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Where the box lies in the volume's array."""
        return tuple(slice(a, b) for a, b in zip(self.start, self.stop, strict=True))

    def full(self, shape: Index) -> np.ndarray:
        """The whole volume's map, zero around the box."""
        whole = np.zeros(shape, self.values.dtype)
        whole[self.slices] = self.values
        return whole

    def overlap(self, other: Box) -> tuple[np.ndarray, np.ndarray] | None:
        """Views of both boxes' values where they overlap; None where they do not."""
        low = np.maximum(self.start, other.start)
        high = np.minimum(self.stop, other.stop)
        if (low >= high).any():
            return None
        ours, theirs = (
            box.values[tuple(slice(a - o, b - o) for a, b, o in zip(low, high, box.start, strict=True))]
            for box in (self, other)
        )
        return ours, theirs


EMPTY = Box((0, 0, 0), np.zeros((0, 0, 0), np.float32))


def hull(boxes: Iterable[Box]) -> Box:
    """The box around all, with the larger value where several have one (values are 0 or more). Where only one holds
    anything it is that one, not a copy."""
    held = [box for box in boxes if box.values.size]
    if len(held) < 2:
        return held[0] if held else EMPTY
    start = tuple(map(min, zip(*(box.start for box in held), strict=True)))
    stop = tuple(map(max, zip(*(box.stop for box in held), strict=True)))
    merged = Box(start, np.zeros([b - a for a, b in zip(start, stop, strict=True)], held[0].values.dtype))
    for box in held:
        place, values = merged.overlap(box)
        np.maximum(place, values, out=place)
    return merged
