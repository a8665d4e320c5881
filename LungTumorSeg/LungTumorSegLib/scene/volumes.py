"""A volume node of the scene as a `Volume`: its voxels seen in place, its grid in LPS.

Slicer keeps the grid as a matrix from voxel indices to RAS, and may move the node by parent transforms. A linear
one is taken into the grid, so that points and diameters are those of the patient as the views show them; any
other is refused, for no grid can express it.
"""

from __future__ import annotations

import numpy as np
import slicer
import vtk

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.scene import ownership
from LungTumorSegLib.volume.geometry import LPS_TO_RAS, Geometry, Volume

# How far from right angles a grid's axes may be (cosine). Headers are written with about six digits.
SQUARE = 1e-4


def geometry_of(node) -> Geometry:
    """The grid of a vtkMRMLScalarVolumeNode in the patient (LPS mm), its linear parent transforms applied.

    Raises `InputRefused` for a node without voxels, one under a non-linear transform, and a sheared grid.
    """
    image = node.GetImageData() if node else None
    if image is None or not image.GetNumberOfPoints():
        raise InputRefused("The selected volume holds no voxels: load the CT again or choose another.")
    ijk_to_world = _matrix_to_world(node) @ _ijk_to_ras(node)
    columns = LPS_TO_RAS @ ijk_to_world[:3, :3]
    spacing = np.linalg.norm(columns, axis=0)
    axes = columns / spacing
    if np.abs(axes.T @ axes - np.eye(3)).max() > SQUARE:
        raise InputRefused("The volume's axes are not at right angles: resample it to a regular grid first.")
    return Geometry(image.GetDimensions()[::-1], tuple(spacing), tuple(LPS_TO_RAS @ ijk_to_world[:3, 3]), axes)


def change_token(node) -> tuple:
    """Something that differs as soon as the node's voxels or its place in the patient do. Costs microseconds."""
    place = _matrix_to_world(node) @ _ijk_to_ras(node)
    return node.GetID(), node.GetImageData().GetMTime(), place.tobytes()


class SceneVolumes:
    """Remembers the last volume read, so that a node that did not change is hashed once only."""

    def __init__(self):
        self._token: tuple | None = None
        self._volume: Volume | None = None

    def volume(self, node) -> Volume:
        """The node's voxels [k, j, i] in HU, a view of the node's own memory where it holds int16 or float32.

        Other voxel types are converted to float32 (a copy). Raises `InputRefused` as `geometry_of` does, and for
        a volume of several components (colour) and for one of our own maps.
        """
        geometry = geometry_of(node)
        if ownership.is_ours(node):
            raise InputRefused("This volume is a result: choose the CT that it was made from.")
        if node.GetImageData().GetNumberOfScalarComponents() != 1:
            raise InputRefused("The volume has several values a voxel (colour?): choose the CT itself.")
        token = change_token(node)
        if token != self._token:
            voxels = slicer.util.arrayFromVolume(node)
            if voxels.dtype not in (np.int16, np.float32):
                voxels = voxels.astype(np.float32)
            self._token, self._volume = token, Volume(voxels, geometry, source=node.GetName() or "")
        return self._volume

    def forget(self) -> None:
        """Let go of the voxels: the scene is closing."""
        self._token = self._volume = None


def _ijk_to_ras(node) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)


def _matrix_to_world(node) -> np.ndarray:
    transform = node.GetParentTransformNode()
    if transform is None:
        return np.eye(4)
    if not transform.IsTransformToWorldLinear():
        raise InputRefused("The volume is under a non-linear transform: harden it (Data module), then segment.")
    matrix = vtk.vtkMatrix4x4()
    transform.GetMatrixTransformToWorld(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)
