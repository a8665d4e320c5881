"""Nodes made in code for a real MRML scene."""

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from LungTumorSegLib.scene import prompt_nodes
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry, to_ras

OBLIQUE = np.array([[0.936, -0.289, 0.199], [0.313, 0.944, -0.104], [-0.158, 0.160, 0.974]])
OBLIQUE = np.linalg.qr(OBLIQUE)[0]
DIRECTIONS = {
    "axial": np.eye(3),
    "flipped": np.diag([-1.0, -1.0, 1.0]),
    "left-handed": np.diag([1.0, 1.0, -1.0]),
    "sagittal": np.array([[0.0, 0, 1], [1, 0, 0], [0, 1, 0]]),
    "oblique": OBLIQUE * np.sign(np.diag(OBLIQUE)),
}

START = (5, 8, 10)  # of `blobs` in the CT
LOW, BOTH, ONE = 0.2, 0.4, 0.85  # thresholds at which both blobs are large, that both reach, and one


def geometry(name="axial", shape=(24, 40, 44)) -> Geometry:
    return Geometry(shape, (0.7, 0.7, 1.25), (-12.5, 31.0, -201.5), DIRECTIONS[name])


def add_ct(scene, grid=None, name="CT"):
    """A CT node of noise with the grid; its voxels in memory as Slicer keeps them."""
    grid = grid or geometry()
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", name)
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(grid.ijk_to_ras_matrix))
    voxels = np.random.default_rng(0).normal(-700, 100, grid.shape).astype(np.int16)
    slicer.util.updateVolumeFromArray(node, voxels)
    node.CreateDefaultDisplayNodes()
    return node


def blobs(shape=(14, 24, 26)) -> np.ndarray:
    """Probability of two lesions, falling from 1 and from 0.8 in their middles to 0 outside."""
    k, j, i = np.indices(shape)
    first = np.sqrt(((k - 6) * 1.25) ** 2 + ((j - 9) * 0.7) ** 2 + ((i - 9) * 0.7) ** 2) / 8.0
    second = np.sqrt(((k - 7) * 1.25) ** 2 + ((j - 18) * 0.7) ** 2 + ((i - 20) * 0.7) ** 2) / 5.0
    return np.clip(np.maximum(1 - first, 0.8 * (1 - second)), 0, 1).astype(np.float32)


def parent_transform(scene, node, kind="linear"):
    """Put the node under a transform that turns it by 20 degrees and shifts it, or under a bending one."""
    if kind == "linear":
        transform = vtk.vtkTransform()
        transform.Translate(10, -5, 3)
        transform.RotateZ(20)
        parent = scene.AddNewNodeByClass("vtkMRMLLinearTransformNode")
        parent.SetMatrixTransformToParent(transform.GetMatrix())
    else:
        bend = vtk.vtkThinPlateSplineTransform()
        corners = vtk.vtkPoints()
        moved = vtk.vtkPoints()
        for n, point in enumerate([(0, 0, 0), (90, 0, 0), (0, 90, 0), (0, 0, 90), (90, 90, 90)]):
            corners.InsertNextPoint(point)
            moved.InsertNextPoint(point if n else (9, 9, 9))
        bend.SetSourceLandmarks(corners)
        bend.SetTargetLandmarks(moved)
        bend.SetBasisToR()
        parent = scene.AddNewNodeByClass("vtkMRMLTransformNode")
        parent.SetAndObserveTransformToParent(bend)
    node.SetAndObserveTransformNodeID(parent.GetID())
    return parent


def segment_array(node, segment_id: str, ct) -> np.ndarray:
    """The segment on the CT's whole grid, 0 and 1, as Slicer gives it to other modules."""
    image = slicer.vtkOrientedImageData()
    node.GetBinaryLabelmapRepresentation(segment_id, image)
    whole = np.zeros(ct.GetImageData().GetDimensions()[::-1], np.uint8)
    if not image.IsEmpty():
        low_high = np.add(np.reshape(image.GetExtent(), (3, 2))[::-1], [0, 1])
        values = vtk_to_numpy(image.GetPointData().GetScalars())
        whole[tuple(slice(a, b) for a, b in low_high)] = values.reshape(low_high[:, 1] - low_high[:, 0])
    return whole


def paint(node, segment_id: str, ct, voxels: np.ndarray) -> None:
    """Write a segment as Slicer's segment editor does."""
    image = slicer.vtkOrientedImageData()
    matrix = vtk.vtkMatrix4x4()
    ct.GetIJKToRASMatrix(matrix)
    image.SetDimensions(voxels.shape[::-1])
    image.SetGeometryFromImageToWorldMatrix(matrix)
    image.GetPointData().SetScalars(numpy_to_vtk(voxels.ravel(), deep=True))
    assert slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(image, node, segment_id)


FIRST, SECOND = (11, 17, 19), (12, 26, 30)  # k, j, i of the middles of `blobs` in the CT


def lps(kji) -> np.ndarray:
    """LPS mm of a voxel of the default grid."""
    return geometry().ijk_to_lps(np.array(kji, float)[::-1])


def place(scene, ct, kji, inside=True) -> None:
    """As the mouse does: a point in a voxel of a CT on the default grid."""
    node = (prompt_nodes.points_inside if inside else prompt_nodes.points_outside)(scene, ct)
    node.AddControlPointWorld(*to_ras(lps(kji)))


def ball(kji, radius_mm=3.0, peak=0.95) -> Box:
    """A probability that falls from the peak in a voxel of the default grid to half at the radius."""
    half = np.ceil(1.2 * radius_mm / np.array(geometry().spacing[::-1])).astype(int)
    low, high = np.maximum(np.subtract(kji, half), 0), np.minimum(np.add(kji, half) + 1, geometry().shape)
    index = np.stack(np.meshgrid(*map(np.arange, low, high), indexing="ij"), axis=-1)
    distance = np.linalg.norm((index - kji) * geometry().spacing[::-1], axis=-1)
    values = np.where(distance <= 1.2 * radius_mm, peak - (peak - 0.5) * distance / radius_mm, 0)
    return Box(tuple(int(n) for n in low), values.astype(np.float32))


# What may become of the model's lesions while the user's own stay.
CHANGES = {
    "threshold": lambda result: result.recompose(0.6, 1.0),
    "lower": lambda result: result.recompose(LOW, 1.0),
    "new answer": lambda result: result.show(Box(START, blobs() * 0.9), BOTH, 1.0),
    "largest": lambda result: result.recompose(BOTH, 1.0, largest_only=True),
}
