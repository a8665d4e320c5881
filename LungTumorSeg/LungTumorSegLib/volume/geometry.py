"""Voxels and where they lie in the patient.

Conventions, used everywhere in this package:

- arrays are indexed ``[k, j, i]`` (slice, row, column), as SimpleITK's and Slicer's numpy views are;
- ``spacing``, ``origin``, ``direction`` and points are in ``(i, j, k)`` order, millimetres, **LPS**
  (x to the patient's left, y to the back, z to the head), as in DICOM and ITK;
- RAS exists at Slicer's border only (`to_ras`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0])


def to_ras(points: np.ndarray) -> np.ndarray:
    """LPS points of shape (..., 3) as RAS, and the other way round: the change is its own inverse."""
    return np.asarray(points, float) * [-1.0, -1.0, 1.0]


@dataclass(frozen=True)
class Geometry:
    """The grid of an image: where voxel ``(i, j, k)`` lies in the patient.

    Parameters
    ----------
    shape : (int, int, int)
        Array shape ``(k, j, i)``.
    spacing : (float, float, float)
        Distance of voxel centres along i, j, k in mm.
    origin : (float, float, float)
        Centre of voxel (0, 0, 0), LPS mm.
    direction : ((float, float, float), ...)
        3 x 3 rows; **column** n is the unit vector of axis n (i, j, k) in LPS, as in ITK.
    """

    shape: tuple[int, int, int]
    spacing: tuple[float, float, float]
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)
    direction: tuple[tuple[float, float, float], ...] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))

    def __post_init__(self):
        object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        object.__setattr__(self, "spacing", tuple(float(s) for s in self.spacing))
        object.__setattr__(self, "origin", tuple(float(o) for o in self.origin))
        rows = np.asarray(self.direction, float).reshape(3, 3)
        object.__setattr__(self, "direction", tuple(tuple(float(x) for x in row) for row in rows))

    @cached_property
    def axes(self) -> np.ndarray:
        """3 x 3: column n is the unit vector of axis n (i, j, k) in LPS."""
        return np.array(self.direction)

    @cached_property
    def ijk_to_lps_matrix(self) -> np.ndarray:
        """4 x 4 affine from voxel indices (i, j, k) to LPS mm."""
        matrix = np.eye(4)
        matrix[:3, :3] = self.axes * self.spacing
        matrix[:3, 3] = self.origin
        return matrix

    @property
    def ijk_to_ras_matrix(self) -> np.ndarray:
        """4 x 4 affine from voxel indices (i, j, k) to RAS mm, as MRML wants it."""
        return np.diag([-1.0, -1.0, 1.0, 1.0]) @ self.ijk_to_lps_matrix

    def ijk_to_lps(self, ijk: np.ndarray) -> np.ndarray:
        """Continuous voxel indices of shape (..., 3), order (i, j, k), to LPS mm."""
        return (np.asarray(ijk, float) * self.spacing) @ self.axes.T + self.origin

    def lps_to_ijk(self, lps: np.ndarray) -> np.ndarray:
        """LPS mm of shape (..., 3) to continuous voxel indices (i, j, k)."""
        return ((np.asarray(lps, float) - self.origin) @ np.linalg.inv(self.axes).T) / self.spacing

    @property
    def voxel_volume_mm3(self) -> float:
        return float(np.prod(self.spacing))

    @cached_property
    def slice_axis(self) -> int:
        """Array axis (0 = k, 1 = j, 2 = i) along which slices were stacked: the acquisition plane's normal.

        Two axes of equal spacing make the plane, since scanners have square pixels; where that does not
        decide (all three equal, or none), the axis nearest to the patient's head-foot direction.
        """
        i, j, k = self.spacing
        equal = {0: np.isclose(i, j, rtol=1e-3), 1: np.isclose(i, k, rtol=1e-3), 2: np.isclose(j, k, rtol=1e-3)}
        normals = [axis for axis, same in equal.items() if same]
        if len(normals) == 1:
            return normals[0]
        return 2 - int(np.argmax(np.abs(self.axes[2])))

    def same_grid(self, other: Geometry, tolerance_mm: float = 0.01) -> bool:
        """True where both grids have the same shape and no corner voxel lies more than the tolerance apart."""
        return self.shape == other.shape and self.apart_mm(other) <= tolerance_mm

    def apart_mm(self, other: Geometry) -> float:
        """The farthest that a corner voxel lies from the same one of another grid of this shape, mm."""
        corners = np.array(np.meshgrid(*[(0, n - 1) for n in self.shape[::-1]])).reshape(3, -1).T
        return float(np.linalg.norm(self.ijk_to_lps(corners) - other.ijk_to_lps(corners), axis=1).max())

    def straightened(self) -> Geometry:
        """The grid with the nearest axes of length 1 at right angles to each other, as ITK's NIfTI writer makes them
        (polar decomposition); voxel (0, 0, 0) stays where it is."""
        u, _, vt = np.linalg.svd(self.axes)
        return replace(self, direction=u @ vt)

    def box(self, start: tuple[int, int, int], stop: tuple[int, int, int]) -> Geometry:
        """The grid of the sub-array ``[start, stop)``, both in array order (k, j, i)."""
        shape = tuple(b - a for a, b in zip(start, stop, strict=True))
        return Geometry(shape, self.spacing, tuple(self.ijk_to_lps(np.array(start[::-1]))), self.direction)

    def as_dict(self) -> dict:
        """JSON-ready; `Geometry(**d)` makes it again."""
        return {
            "shape": list(self.shape),
            "spacing": list(self.spacing),
            "origin": list(self.origin),
            "direction": [list(row) for row in self.direction],
        }


@dataclass(frozen=True)
class Series:
    """The DICOM series that a CT was read from.

    uid, frame_of_reference : UIDs; the second is empty where the series does not state it.
    study_date : "YYYY-MM-DD"; None where the series does not state one.
    files : one a slice, in the order of the array's first axis; empty where slices and files do not match one to one
        (interpolated slices, or one file with many frames).
    off_grid_mm : the farthest that a pixel lies, by what the files state, from its voxel on the CT's straight and even
        grid: positions and cosines are rounded numbers. 0 where slices were interpolated.
    """

    uid: str
    frame_of_reference: str = ""
    study_date: str | None = None
    files: tuple[str, ...] = ()
    off_grid_mm: float = 0.0


@dataclass(frozen=True)
class Volume:
    """An image in the patient.

    voxels : array [k, j, i]. CT: int16 or float32 in HU. Mask: uint8 (or larger) labels, 0 = background.
    warnings : one line each: what was odd about the input and how it was handled.
    source : which file or series it came from, in words for the user (never logged).
    series : None where it did not come from DICOM.
    """

    voxels: np.ndarray
    geometry: Geometry
    warnings: tuple[str, ...] = field(default=())
    source: str = ""
    series: Series | None = None

    def __post_init__(self):
        if self.voxels.shape != self.geometry.shape:
            raise ValueError(f"voxels are {self.voxels.shape}, the grid is {self.geometry.shape}")

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 (hex) of voxel type, grid and voxels: the name by which the worker knows a volume."""
        digest = hashlib.sha256(repr((str(self.voxels.dtype), self.geometry.as_dict())).encode())
        digest.update(np.ascontiguousarray(self.voxels).data)
        return digest.hexdigest()
