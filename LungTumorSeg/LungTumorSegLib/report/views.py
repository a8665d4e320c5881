"""A scan as a radiologist looks at it: axial, coronal and sagittal pictures in millimetres, whatever way it is stored.

Patient's left on the picture's right, front on top of axial and on the left of sagittal pictures, head up. Pictures
of oblique scans are the scan's own planes, nothing is resampled; the letters at their edges say where they point.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.orientation import canonical


@dataclass(frozen=True)
class View:
    """One of the three ways to look at a canonical array [head, back, left].

    across : the array axis looked along. rows, columns : the array axes down and along the picture.
    head_up : the row axis runs up the picture, not down.
    """

    name: str
    across: int
    rows: int
    columns: int
    head_up: bool


LUNG_WINDOW = (-1350.0, 150.0)  # HU: centre -600, width 1500
SAMPLED = 1_000_000  # voxels that an image's own window is found on

AXIAL = View("axial", 0, 1, 2, head_up=False)
CORONAL = View("coronal", 1, 0, 2, head_up=True)
SAGITTAL = View("sagittal", 2, 0, 1, head_up=True)
VIEWS = (AXIAL, CORONAL, SAGITTAL)  # by the canonical axis looked along


@dataclass(frozen=True)
class Plane:
    """A picture: `values` [row, column] and its edges (left, right, low, high) in mm of the canonical axes."""

    values: np.ndarray
    extent: tuple[float, float, float, float]


@dataclass(frozen=True, eq=False)
class CanonicalScan:
    """A scan seen the same way round. Positions are mm along head, back, left from the first voxel's centre."""

    volume: Volume
    window: tuple[float, float] = LUNG_WINDOW  # values from black to white
    flat: bool = False  # a picture, which does not say where the patient's left is

    @cached_property
    def orientation(self):
        return canonical(self.volume.geometry)

    @cached_property
    def geometry(self) -> Geometry:
        return self.orientation.geometry(self.volume.geometry)

    @cached_property
    def spacing(self) -> np.ndarray:
        """mm along head, back, left."""
        return np.array(self.geometry.spacing[::-1])

    @property
    def acquisition(self) -> View:
        """The view onto the slices as they were acquired, in which axes are measured."""
        return VIEWS[self.orientation.permutation.index(self.volume.geometry.slice_axis)]

    def position(self, lps: np.ndarray) -> np.ndarray:
        """(..., 3) LPS mm to mm along head, back, left."""
        return self.geometry.lps_to_ijk(lps)[..., ::-1] * self.spacing

    def box(self, box: Box) -> Box:
        """A box of the source's array as one of the canonical array."""
        shape = self.volume.geometry.shape
        start = [
            shape[axis] - box.stop[axis] if flip else box.start[axis]
            for axis, flip in zip(self.orientation.permutation, self.orientation.flips, strict=True)
        ]
        return Box(tuple(start), self.orientation.apply(box.values))

    def picture(self, view: View, index: int) -> Plane:
        """The scan's own plane number `index` along the view's axis."""
        return self.cut(Box((0, 0, 0), self.orientation.apply(self.volume.voxels)), view, index)

    def cut(self, box: Box, view: View, index: int) -> Plane | None:
        """A canonical box where that plane crosses it; None where it does not."""
        inside = index - box.start[view.across]
        if not box.values.size or not 0 <= inside < box.values.shape[view.across]:
            return None
        edges = []
        for axis in (view.columns, view.rows):
            first, count = box.start[axis], box.values.shape[axis]
            edges += [(first - 0.5) * self.spacing[axis], (first + count - 0.5) * self.spacing[axis]]
        return Plane(box.values.take(inside, axis=view.across), tuple(edges))

    def letters(self, view: View) -> tuple[str, str, str, str]:
        """Where the picture's left, right, top and bottom edge point in the patient."""
        rightwards = self.geometry.axes[:, 2 - view.columns]
        downwards = self.geometry.axes[:, 2 - view.rows] * (-1 if view.head_up else 1)
        return tuple(direction_letters(v) for v in (-rightwards, rightwards, -downwards, downwards))


def seen(volume: Volume, in_hu: bool = True) -> CanonicalScan:
    """A CT in the lung window, any other image in its own; one of a single slice is taken for a picture."""
    if in_hu:
        return CanonicalScan(volume)
    return CanonicalScan(volume, own_window(volume.voxels), flat=volume.geometry.shape[0] == 1)


def own_window(voxels: np.ndarray) -> tuple[float, float]:
    """For an image without HU: from the 1st to the 99th percentile of its values."""
    step = max(1, round((voxels.size / SAMPLED) ** (1 / 3)))
    low, high = np.percentile(voxels[::step, ::step, ::step], (1, 99))
    return float(low), float(max(high, low + 1e-6))


def direction_letters(lps: np.ndarray) -> str:
    """Unit vector to L, R, A, P, H, F; two letters from 20 degrees off an axis, as on a scanner."""
    names = [("L", "R"), ("P", "A"), ("H", "F")]
    order = np.argsort(-np.abs(lps))[:2]
    letters = [names[axis][0 if lps[axis] > 0 else 1] for axis in order]
    return "".join(letters[: 1 if abs(lps[order[1]]) < np.sin(np.deg2rad(20)) else 2])
