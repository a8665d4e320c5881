"""Every scan seen the same way round: slices towards the head, rows towards the back, columns to the left.

Scans are stored axially, sagittally, coronally, upside down or mirrored. An `Orientation` turns any of them into
*canonical axial order* by permuting and flipping axes. The result is a view: no voxel is copied or interpolated, an
oblique scan stays oblique, and `undo` brings back the very same array.
"""

from __future__ import annotations

from itertools import permutations
from typing import NamedTuple

import numpy as np

from LungTumorSegLib.volume.geometry import Geometry


class Orientation(NamedTuple):
    """How a source array's axes become canonical ones.

    permutation : canonical array axis n (0 = head, 1 = back, 2 = left) is the source's array axis ``permutation[n]``.
    flips : canonical axis n runs through that source axis backwards.
    """

    permutation: tuple[int, int, int]
    flips: tuple[bool, bool, bool]

    def apply(self, array: np.ndarray) -> np.ndarray:
        """The source's array (k, j, i) in canonical order (head, back, left), as a view."""
        return array.transpose(self.permutation)[self._mirror()]

    def undo(self, array: np.ndarray) -> np.ndarray:
        """A canonical array in the source's order, as a view."""
        return array[self._mirror()].transpose(np.argsort(self.permutation))

    def geometry(self, source: Geometry) -> Geometry:
        """The grid of ``apply(array)``: the same voxels at the same places, numbered differently."""
        columns = [2 - axis for axis in self.permutation[::-1]]  # canonical (i, j, k) in terms of the source's
        backwards = np.array(self.flips[::-1])
        first = np.zeros(3)
        first[columns] = np.where(backwards, np.array(source.shape[::-1])[columns] - 1, 0)
        return Geometry(
            tuple(source.shape[axis] for axis in self.permutation),
            tuple(source.spacing[column] for column in columns),
            tuple(source.ijk_to_lps(first)),
            source.axes[:, columns] * np.where(backwards, -1.0, 1.0),
        )

    def source_box(
        self, start: tuple[int, int, int], stop: tuple[int, int, int], source_shape: tuple[int, int, int]
    ) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """The box ``[start, stop)`` of the canonical array as ``[start, stop)`` of the source's array (k, j, i)."""
        first, last = [0, 0, 0], [0, 0, 0]
        for axis, flip, a, b in zip(self.permutation, self.flips, start, stop, strict=True):
            n = source_shape[axis]
            first[axis], last[axis] = (n - b, n - a) if flip else (a, b)
        return tuple(first), tuple(last)

    def _mirror(self) -> tuple[slice, ...]:
        return tuple(slice(None, None, -1 if flip else 1) for flip in self.flips)


def canonical(geometry: Geometry) -> Orientation:
    """The permutation and flips that bring a grid nearest to canonical axial order.

    Nearest: the assignment of array axes to patient axes with the largest sum of squared cosines. A scan that is
    already in that order, up to 45 degrees of tilt, is left alone.
    """
    cosines = geometry.axes[::-1, ::-1]  # rows: head, back, left; columns: array axes k, j, i
    permutation = max(permutations(range(3)), key=lambda p: round(sum(cosines[n, p[n]] ** 2 for n in range(3)), 9))
    return Orientation(permutation, tuple(bool(cosines[n, permutation[n]] < 0) for n in range(3)))
