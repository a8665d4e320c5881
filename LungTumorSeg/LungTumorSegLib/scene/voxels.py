"""Labelled voxels of a scan as a list: what lesions a few hundred thousand of its many millions of voxels belong to.

Lesions lie far apart, so the box around all of them is nearly the whole chest and nearly all empty. A list is compared,
overlaid and stored in milliseconds.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from LungTumorSegLib.volume.box import Box

Shape = tuple[int, int, int]


@dataclass(frozen=True, eq=False)
class Voxels:
    """
    shape : of the scan's array (k, j, i).
    where : (n,) int64 rising indices into that array, flattened in C order.
    lesion : (n,) uint16 a voxel's lesion number.
    """

    shape: Shape
    where: np.ndarray
    lesion: np.ndarray

    @classmethod
    def none(cls, shape: Shape) -> Voxels:
        return cls(shape, np.zeros(0, np.int64), np.zeros(0, np.uint16))

    @classmethod
    def of(cls, shape: Shape, parts: Iterable[Box]) -> Voxels:
        """The voxels that are not 0 in boxes that do not overlap."""
        wheres, lesions = [np.zeros(0, np.int64)], [np.zeros(0, np.uint16)]
        for part in parts:
            k, j = np.nonzero(part.values.max(axis=2, initial=0))  # most rows are empty, and looked at once
            rows = part.values[k, j]
            row, i = np.nonzero(rows)
            k, j = k[row] + part.start[0], j[row] + part.start[1]
            wheres.append((k * shape[1] + j) * shape[2] + i + part.start[2])
            lesions.append(rows[row, i].astype(np.uint16))
        where, lesion = np.concatenate(wheres), np.concatenate(lesions)
        if len(wheres) > 2:
            order = np.argsort(where, kind="stable")
            where, lesion = where[order], lesion[order]
        return cls(shape, where, lesion)

    def __len__(self) -> int:
        return len(self.where)

    @property
    def numbers(self) -> list[int]:
        """The lesions that have a voxel."""
        return np.flatnonzero(np.bincount(self.lesion)).tolist() if len(self) else []

    def only(self, chosen: np.ndarray) -> Voxels:
        """The chosen ones: (n,) bool."""
        return Voxels(self.shape, self.where[chosen], self.lesion[chosen])

    def of_lesions(self, numbers: Iterable[int]) -> Voxels:
        return self.only(np.isin(self.lesion, list(numbers)))

    def at(self, where: np.ndarray) -> np.ndarray:
        """The lesion (uint16) at each index; 0 where there is none."""
        found = np.zeros(len(where), np.uint16)
        if len(self):
            place = np.minimum(np.searchsorted(self.where, where), len(self) - 1)
            here = self.where[place] == where
            found[here] = self.lesion[place[here]]
        return found

    def under(self, other: Voxels) -> Voxels:
        """With the other's voxels laid over: theirs stand where both have one, also a 0 of theirs."""
        where = either(self.where, other.where)
        lesion = self.at(where)
        lesion[np.searchsorted(where, other.where)] = other.lesion
        return Voxels(self.shape, where, lesion)

    def shown(self) -> Voxels:
        """Without the voxels of lesion 0."""
        return self.only(self.lesion > 0)

    def same(self, other: Voxels) -> bool:
        return np.array_equal(self.where, other.where) and np.array_equal(self.lesion, other.lesion)

    def indices(self) -> np.ndarray:
        """(n, 3) k, j, i."""
        return np.stack(np.unravel_index(self.where, self.shape), axis=-1)

    def bounds(self) -> tuple[np.ndarray, np.ndarray] | None:
        """First and last + 1 index (k, j, i) of their box; None where there is no voxel."""
        if not len(self):
            return None
        kji = self.indices()
        return kji.min(axis=0), kji.max(axis=0) + 1

    def boxes(self) -> list[tuple[slice, slice, slice]]:
        """A box in the scan's array for each lesion, by rising number."""
        kji = self.indices()
        order = np.argsort(self.lesion, kind="stable")
        first = np.flatnonzero(np.diff(self.lesion[order], prepend=0)) if len(self) else []
        if not len(first):
            return []
        low, high = (function.reduceat(kji[order], first, axis=0) for function in (np.minimum, np.maximum))
        return [
            tuple(slice(int(a), int(b) + 1) for a, b in zip(*ends, strict=True)) for ends in zip(low, high, strict=True)
        ]

    def within(self, place: tuple[slice, slice, slice]) -> Box:
        """Labels (uint16) in a box of the scan's array."""
        start, stop = (np.array([getattr(part, end) for part in place]) for end in ("start", "stop"))
        labels = np.zeros(stop - start, np.uint16)
        plane = self.shape[1] * self.shape[2]
        some = slice(*np.searchsorted(self.where, [start[0] * plane, stop[0] * plane]))
        kji = np.stack(np.unravel_index(self.where[some], self.shape), axis=-1)
        inside = ((kji >= start) & (kji < stop)).all(axis=1)
        labels[tuple((kji[inside] - start).T)] = self.lesion[some][inside]
        return Box(tuple(int(n) for n in start), labels)

    def as_text(self) -> str:
        """For an attribute of a node: runs of equal voxels, packed. See `from_text`."""
        first = np.flatnonzero((np.diff(self.where, prepend=-2) != 1) | (np.diff(self.lesion, prepend=0) != 0))
        if len(self) and (not len(first) or first[0] != 0):
            first = np.concatenate([[0], first])
        length = np.diff(first, append=len(self))
        runs = np.concatenate([np.diff(self.where[first], prepend=0), length, self.lesion[first]]).astype("<i8")
        return base64.b64encode(zlib.compress(runs.tobytes(), 1)).decode()

    @classmethod
    def from_text(cls, shape: Shape, text: str) -> Voxels:
        runs = np.frombuffer(zlib.decompress(base64.b64decode(text)), "<i8").reshape(3, -1)
        first, length = np.cumsum(runs[0]), runs[1]
        before = np.cumsum(length) - length
        where = np.arange(length.sum()) - np.repeat(before, length) + np.repeat(first, length)
        return cls(shape, where.astype(np.int64), np.repeat(runs[2], length).astype(np.uint16))


def either(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The indices that occur in one of two rising lists, rising. `np.union1d` does not know that they rise, and takes
    ten times as long."""
    both = np.sort(np.concatenate([one, other]), kind="stable")  # merges what rises already
    return both[np.diff(both, prepend=-1) > 0]
