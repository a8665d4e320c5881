"""The greatest value in each block of a map, so that a threshold looks only where something reaches it.

A threshold dragged with the mouse cuts the same map many times a second. Lesions fill a hundredth of the box around
them; the rest is ruled out by a table of a few thousand numbers.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from LungTumorSegLib.measurement.components import find_components

SIDE = 16  # voxels

Place = tuple[slice, slice, slice]


class Blocks:
    """
    Parameters
    ----------
    values : array [k, j, i] of 0 or more, not copied. Call `update` where it changed.
    place : the part of it that is not 0, where that is known.
    """

    def __init__(self, values: np.ndarray, place: Place | None = None):
        self.values = values
        self._peaks = np.zeros([-(-n // SIDE) for n in values.shape], values.dtype)
        self.update(tuple(slice(0, n) for n in values.shape) if place is None else place)

    def update(self, place: Place) -> None:
        """The values in this part changed."""
        if any(part.start >= part.stop for part in place):
            return
        blocks = self._blocks_of(place)
        peaks = self.values[self._voxels_of(blocks)]
        # Whole planes first, in one pass over the memory.
        peaks = np.stack([peaks[k : k + SIDE].max(axis=0) for k in range(0, len(peaks), SIDE)])
        for axis in (1, 2):
            peaks = np.maximum.reduceat(peaks, np.arange(0, peaks.shape[axis], SIDE), axis=axis)
        self._peaks[blocks] = peaks

    def above(self, threshold: float, also: Iterable[Place] = ()) -> list[Place]:
        """Boxes that do not overlap and hold every value from the threshold up, and the places of `also`. Such values
        in different boxes share no face, edge or corner."""
        occupied = self._peaks >= threshold
        for place in also:
            occupied[self._blocks_of(place)] = True
        while True:
            boxes = find_components(occupied).boxes
            places = [tuple(slice(int(a), int(b)) for a, b in box) for box in boxes]
            filled = np.zeros_like(occupied)
            for place in places:
                filled[place] = True
            if len(boxes) == len(find_components(filled).boxes):
                return [self._voxels_of(place) for place in places]
            occupied = filled

    def _blocks_of(self, place: Place) -> Place:
        return tuple(slice(part.start // SIDE, -(-part.stop // SIDE)) for part in place)

    def _voxels_of(self, blocks: Place) -> Place:
        return tuple(
            slice(part.start * SIDE, min(part.stop * SIDE, n))
            for part, n in zip(blocks, self.values.shape, strict=True)
        )
