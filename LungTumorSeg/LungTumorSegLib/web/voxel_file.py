"""What the file of a node with voxels holds, as 3D Slicer would write it: NRRD 4, raw."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import vtk_to_numpy

from LungTumorSegLib.scene import segments

TYPES = {
    "uint8": "unsigned char", "int8": "signed char", "uint16": "unsigned short", "int16": "short", "int32": "int",
    "uint32": "unsigned int", "float32": "float", "float64": "double",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class VoxelFile:
    """
    header : up to and with the empty line
    values : [k, j, i], the node's memory: not to be changed
    token : another one as soon as the node's voxels, or what is said of them, are others
    """

    header: bytes
    values: np.ndarray
    token: tuple


def voxel_file(node) -> VoxelFile | None:
    """None for a node without voxels, and for one that is to be left to Slicer."""
    if node.IsA("vtkMRMLSegmentationNode"):
        return _of_segments(node)
    if not node.IsA("vtkMRMLScalarVolumeNode") or node.IsA("vtkMRMLTensorVolumeNode"):
        return None
    image = node.GetImageData()
    if not _is_plain(image):
        return None
    matrix = vtk.vtkMatrix4x4()
    node.GetIJKToRASMatrix(matrix)
    ijk_to_ras = slicer.util.arrayFromVTKMatrix(matrix)
    values = _values(image)
    return VoxelFile(_header(values, ijk_to_ras, ""), values, (*_changes(image), ijk_to_ras.tobytes()))


def _of_segments(node) -> VoxelFile | None:
    """Where all segments lie in one image."""
    segmentation = node.GetSegmentation()
    ids = list(segmentation.GetSegmentIDs())
    images = [segmentation.GetSegment(i).GetRepresentation(segments.LABELMAP) for i in ids]
    if not images or any(image is not images[0] for image in images) or not _is_plain(images[0]):
        return None
    image, matrix = images[0], vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    ijk_to_ras = slicer.util.arrayFromVTKMatrix(matrix)
    first = np.array(image.GetExtent()[::2])
    ijk_to_ras[:3, 3] += ijk_to_ras[:3, :3] @ first
    values = _values(image)
    said = _said_of_segments(node, ids, matrix, first, values.shape)
    if said is None:
        return None
    return VoxelFile(_header(values, ijk_to_ras, said), values, (*_changes(image), said, ijk_to_ras.tobytes()))


def _said_of_segments(node, ids: list[str], matrix, first, shape: tuple[int, ...]) -> str | None:
    """The lines about segments, as Slicer writes them: it is given the same ones with a single voxel, and that as
    the reference geometry: it would fill all of the CT's."""
    segmentation, alone = node.GetSegmentation(), slicer.vtkMRMLSegmentationNode()
    scene = slicer.vtkMRMLScene()
    scene.AddNode(alone)
    voxel = slicer.vtkOrientedImageData()
    voxel.SetDimensions(1, 1, 1)
    voxel.SetGeometryFromImageToWorldMatrix(matrix)
    voxel.AllocateScalars(vtk.VTK_UNSIGNED_SHORT, 1)
    voxel.GetPointData().GetScalars().Fill(0)
    alone.GetSegmentation().SetSourceRepresentationName(segments.LABELMAP)
    converter = slicer.vtkSegmentationConverter
    alone.GetSegmentation().SetConversionParameter(
        converter.GetReferenceImageGeometryParameterName(), converter.SerializeImageGeometry(voxel)
    )
    for segment_id in ids:
        segment = slicer.vtkSegment()
        segment.DeepCopyMetadata(segmentation.GetSegment(segment_id))
        segment.SetLabelValue(segmentation.GetSegment(segment_id).GetLabelValue())
        segment.AddRepresentation(segments.LABELMAP, voxel)
        alone.GetSegmentation().AddSegment(segment, segment_id)
    alone.AddDefaultStorageNode()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "one.seg.nrrd"
        alone.GetStorageNode().SetUseCompression(False)
        alone.GetStorageNode().SetFileName(str(file))
        if not alone.GetStorageNode().WriteData(alone):
            return None
        lines = file.read_bytes().partition(b"\n\n")[0].decode().splitlines()
    extent = " ".join(f"0 {size - 1}" for size in shape[::-1])
    contained = f"{segments.LABELMAP}|" + f"{segments.SURFACE}|" * segments.has_surface(node)
    replaced = {
        "_Extent": extent,
        "Segmentation_ContainedRepresentationNames": contained,
        "Segmentation_ConversionParameters": segmentation.SerializeAllConversionParameters(),
        "Segmentation_ReferenceImageExtentOffset": " ".join(str(int(n)) for n in first),
    }
    kept = []
    for line in lines:
        key, found, value = line.partition(":=")
        if found:
            value = next((new for ending, new in replaced.items() if key.endswith(ending)), value)
            kept.append(f"{key}:={value}\n")
    return "".join(kept)


def _header(values: np.ndarray, ijk_to_ras: np.ndarray, said: str) -> bytes:
    lps = np.diag([-1.0, -1.0, 1.0]) @ ijk_to_ras[:3]
    directions, origin = lps[:, :3].T, lps[:, 3]
    lines = (
        "NRRD0004",
        f"type: {TYPES[values.dtype.name]}",
        "dimension: 3",
        "space: left-posterior-superior",
        "sizes: " + " ".join(map(str, values.shape[::-1])),
        "space directions: " + " ".join(map(_vector, directions)),
        "kinds: domain domain domain",
        f"endian: {sys.byteorder}",
        "encoding: raw",
        f"space origin: {_vector(origin)}",
    )
    return ("\n".join(lines) + "\n" + said + "\n").encode()


def _vector(values: np.ndarray) -> str:
    return "(" + ",".join(repr(float(value) + 0.0) for value in values) + ")"


def _is_plain(image) -> bool:
    scalars = image.GetPointData().GetScalars() if image is not None else None
    return (
        scalars is not None
        and scalars.GetNumberOfComponents() == 1
        and scalars.GetNumberOfTuples() > 0
        and vtk_to_numpy(scalars).dtype.name in TYPES
    )


def _values(image) -> np.ndarray:
    return vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1])


def _changes(image) -> tuple:
    scalars = image.GetPointData().GetScalars()
    return image.GetMTime(), scalars.GetMTime(), scalars.GetAddressAsString("")
