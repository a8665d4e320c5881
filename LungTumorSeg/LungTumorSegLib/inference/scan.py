"""A scan as inference sees it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from LungTumorSegLib.volume.box import EMPTY, Box
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.orientation import Orientation, canonical


@dataclass(frozen=True)
class Scan:
    """A volume seen in canonical axial order (head, back, left), without a copy."""

    volume: Volume

    @cached_property
    def orientation(self) -> Orientation:
        return canonical(self.volume.geometry)

    @cached_property
    def geometry(self) -> Geometry:
        return self.orientation.geometry(self.volume.geometry)

    @property
    def voxels(self) -> np.ndarray:
        return self.orientation.apply(self.volume.voxels)

    def box(self, start: tuple[int, int, int], values: np.ndarray) -> Box:
        """A canonical box on the volume's own axes."""
        if values.size == 0:
            return EMPTY
        stop = tuple(a + n for a, n in zip(start, values.shape, strict=True))
        first, _ = self.orientation.source_box(start, stop, self.volume.geometry.shape)
        return Box(first, np.ascontiguousarray(self.orientation.undo(values)))

    def canonical_box(self, start: tuple[int, int, int], values: np.ndarray) -> tuple[tuple[int, int, int], np.ndarray]:
        """A box on the volume's own axes in canonical order: its first voxel there, and its values."""
        first = np.array(start)[list(self.orientation.permutation)]
        n = np.array(self.geometry.shape)
        values = self.orientation.apply(values)
        first = np.where(self.orientation.flips, n - first - values.shape, first)
        return tuple(int(a) for a in first), values
