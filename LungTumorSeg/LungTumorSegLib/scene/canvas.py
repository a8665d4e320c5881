"""The label image in which all our segments lie, and what we wrote into it last.

The box around all lesions may be the whole chest. While the hand drags, only where lesions were and are is written; all
of it only where somebody else changed the image since, or the lesions outgrow it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from LungTumorSegLib.measurement.components import bounding_box
from LungTumorSegLib.scene.blocks import SIDE
from LungTumorSegLib.scene.voxels import Voxels
from LungTumorSegLib.volume.box import Box


class Canvas:
    """What we wrote into an image, None before the first writing."""

    def __init__(self):
        self._image = self._scalars = None
        self._modified = -1
        self._labels: Box | None = None  # the image's memory
        self._parts: list[Box] = []
        self._over: np.ndarray | None = None  # (n, 3) k, j, i

    def is_as_written(self, image) -> bool:
        """Nobody else changed the image since, nor put its values into another."""
        return (
            image is not None
            and image is self._image
            and image.GetPointData().GetScalars() is self._scalars
            and self._last_change() == self._modified
        )

    def write(self, image, ct, parts: Sequence[Box], over: Voxels | None) -> list[int]:
        """Make the labels the image's, those of `over` on top; returns the numbers that occur. Observers of the image
        are told later: call `done`.
        """
        parts = [part for part in parts if part.values.any()]
        painted = over.shown() if over is not None else None
        numbers = {n for part in parts for n in occurring(part.values)}
        highest = max(numbers | set(painted.numbers if painted is not None else ()), default=0)
        bounds = [_bounds(part) for part in parts]
        if painted is not None and len(painted):
            bounds.append(painted.bounds())
        if not self._holds(image, bounds, highest):
            self._make(image, bounds, highest, ct.GetImageData().GetDimensions()[::-1])
        else:
            self._wipe()
        matrix = vtk.vtkMatrix4x4()
        ct.GetIJKToRASMatrix(matrix)
        image.SetGeometryFromImageToWorldMatrix(matrix)
        self._parts, self._over = parts, None
        for part in parts:
            overlap = self._labels.overlap(part)
            overlap[0][...] = overlap[1]
        if over is not None and len(over) and self._labels.values.size:
            numbers = self._lay_over(over, numbers)
        return sorted(numbers)

    def done(self) -> None:
        """Tell those who observe the image."""
        if self._scalars is not None:
            self._scalars.Modified()
        self._image.Modified()
        self._modified = self._last_change()

    def _last_change(self) -> int:
        return max(self._image.GetMTime(), self._scalars.GetMTime() if self._scalars is not None else 0)

    def _lay_over(self, over: Voxels, numbers: set[int]) -> set[int]:
        kji = over.indices() - self._labels.start
        inside = ((kji >= 0) & (kji < self._labels.values.shape)).all(axis=1)
        self._over = kji[inside]
        at = tuple(self._over.T)
        touched = occurring(self._labels.values[at])
        self._labels.values[at] = over.lesion[inside]
        for number in touched:
            if not any((self._labels.overlap(part)[0] == number).any() for part in self._parts):
                numbers.discard(number)
        return numbers | set(over.shown().numbers)

    def _holds(self, image, bounds, highest: int) -> bool:
        """The labels fit into the image as it is, and nothing is in it but what we wrote."""
        if self._labels is None or not self._labels.values.size or not self.is_as_written(image):
            return False
        return highest <= np.iinfo(self._labels.values.dtype).max and all(
            (low >= self._labels.start).all() and (high <= self._labels.stop).all() for low, high in bounds
        )

    def _wipe(self) -> None:
        for part in self._parts:
            self._labels.overlap(part)[0][...] = 0
        if self._over is not None:
            self._labels.values[tuple(self._over.T)] = 0

    def _make(self, image, bounds, highest: int, shape) -> None:
        """A new, empty array for the box around all of it and a block more each way, so that the next may fit in."""
        self._image = image
        if not bounds:
            self._labels, self._scalars = Box((0, 0, 0), np.zeros((0, 0, 0), np.uint8)), None
            image.SetExtent(0, -1, 0, -1, 0, -1)
            image.GetPointData().SetScalars(None)
            return
        start = np.maximum(np.min([low for low, _ in bounds], axis=0) - SIDE, 0)
        stop = np.minimum(np.max([high for _, high in bounds], axis=0) + SIDE, shape)
        self._scalars = vtk.vtkUnsignedCharArray() if highest < 256 else vtk.vtkUnsignedShortArray()
        self._scalars.SetNumberOfValues(int(np.prod(stop - start)))
        self._labels = Box(tuple(int(n) for n in start), vtk_to_numpy(self._scalars).reshape(stop - start))
        self._labels.values[...] = 0
        extent = [(a, b - 1) for a, b in zip(self._labels.start, self._labels.stop, strict=True)]
        image.SetExtent(*(n for pair in reversed(extent) for n in pair))
        image.GetPointData().SetScalars(self._scalars)


def occurring(labels: np.ndarray) -> list[int]:
    """The labels above 0 in an array of them, rising."""
    return (np.flatnonzero(np.bincount(labels.ravel())[1:]) + 1).tolist()


def _bounds(part: Box) -> tuple[np.ndarray, np.ndarray]:
    inner = bounding_box(part.values)
    return tuple(np.add(part.start, [getattr(side, end) for side in inner]) for end in ("start", "stop"))
