"""The lesions as segments of our segmentation node of a CT: one segment a lesion.

All our segments lie in one label image over the lesions' box, which is refilled when they change: one pass however
many lesions there are. Segments that the user added to the node are never written to; where Slicer made one of them
share our image, it is given an image of its own first.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from LungTumorSegLib.measurement.colours import lesion_colour
from LungTumorSegLib.measurement.components import bounding_box
from LungTumorSegLib.scene import ownership
from LungTumorSegLib.volume.box import Box

ROLE = "Segmentation"
LESION = ownership.PREFIX + "Lesion"
LABELMAP = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
SURFACE = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()

# Slicer's terminology entry: context ~ category ~ type ~ modifier ~ region context ~ region ~ modifier, the codes from
# the DICOM master lists that Slicer brings (SegmentationCategoryTypeModifier- and AnatomicRegionAndModifier-). It says
# "Neoplasm", not "Neoplasm, Primary": a scan does not tell a primary tumour from a metastasis.
TERMINOLOGY = (
    "Segmentation category and type - DICOM master list"
    "~SCT^49755003^Morphologically Altered Structure~SCT^108369006^Neoplasm~^^"
    "~Anatomic codes - DICOM master list~SCT^39607008^Lung~^^"
)


def segmentation_node(scene, ct):
    """Our segmentation node of the CT, made if there is none."""
    node = ownership.owned_one(ct, ROLE)
    if node is None:
        node = ownership.make(scene, ct, ROLE, "vtkMRMLSegmentationNode", f"{ct.GetName()} tumours")
        node.GetSegmentation().SetSourceRepresentationName(LABELMAP)
        display = node.GetDisplayNode()
        display.SetOpacity2DFill(0.25)
        display.SetSliceIntersectionThickness(2)
    ownership.follow(node, ct)
    if node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is not ct:
        node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    return node


def fill_segments(node, ct, labels: Box, numbers: Iterable[int] | None = None) -> None:
    """Make our segments those of a label box: label n becomes the segment "Tumour n", label 0 is background.

    Parameters
    ----------
    node, ct : our segmentation node and its CT
    labels : unsigned integers
    numbers : the labels that occur, where they are known

    Surfaces of the segmentation vanish with the change, as Slicer does for any edit; see `show_surface`.
    """
    segmentation = node.GetSegmentation()
    numbers = sorted(np.unique(labels.values[labels.values > 0]).tolist() if numbers is None else numbers)
    ours = our_segments(node)
    _part_from_foreign(segmentation, ours)
    image = _shared_image(segmentation, ours)
    _fill(image, ct, labels.start, labels.values, max(numbers, default=0))
    for number, segment_id in list(ours.items()):
        if number not in numbers:
            segmentation.RemoveSegment(segment_id)
            del ours[number]
    for number in numbers:
        if number in ours:
            segment = segmentation.GetSegment(ours[number])
            segment.SetLabelValue(number)
            segment.AddRepresentation(LABELMAP, image)
        else:
            segmentation.AddSegment(_segment(number, image), f"LungTumorSeg_{number}")
    image.Modified()


def read_labels(node) -> Box:
    """Our segments as they are now, the user's corrections included: lesion numbers (uint16) in their common box.

    Where segments overlap the higher number stands.
    """
    parts = []
    for number, segment_id in our_segments(node).items():
        image = slicer.vtkOrientedImageData()
        if node.GetBinaryLabelmapRepresentation(segment_id, image) and not image.IsEmpty():
            low, high = np.reshape(image.GetExtent(), (3, 2))[::-1].T
            mask = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(high - low + 1) != 0
            parts.append((number, low, mask))
    if not parts:
        return Box((0, 0, 0), np.zeros((0, 0, 0), np.uint16))
    start = np.min([low for _, low, _ in parts], axis=0)
    labels = np.zeros(np.max([low + mask.shape for _, low, mask in parts], axis=0) - start, np.uint16)
    for number, low, mask in parts:
        labels[tuple(slice(a, a + n) for a, n in zip(low - start, mask.shape, strict=True))][mask] = number
    return Box(tuple(int(n) for n in start), labels)


def our_segments(node) -> dict[int, str]:
    """Lesion number -> id of our segment in the node, by a tag that segments the user added do not have."""
    segmentation, ours, tag = node.GetSegmentation(), {}, vtk.reference("")
    for segment_id in segmentation.GetSegmentIDs():
        if segmentation.GetSegment(segment_id).GetTag(LESION, tag):
            ours[int(str(tag))] = segment_id
    return ours


def has_surface(node) -> bool:
    return node.GetSegmentation().ContainsRepresentation(SURFACE)


def show_surface(node, shown: bool) -> None:
    """Build the 3D surfaces of the segmentation, or drop them."""
    if shown and node.GetSegmentation().GetNumberOfSegments():
        node.CreateClosedSurfaceRepresentation()
    elif not shown:
        node.RemoveClosedSurfaceRepresentation()


def show_in_slices(node, outline: bool, fill: bool, opacity: float = 0.5) -> None:
    """How the slice views draw the lesions: outlines, a fill of this opacity (0..1), both or neither."""
    display = node.GetDisplayNode()
    modified = display.StartModify()
    display.SetVisibility2DOutline(outline)
    display.SetVisibility2DFill(fill)
    display.SetOpacity2DFill(opacity)
    display.EndModify(modified)


def _segment(number: int, image) -> slicer.vtkSegment:
    segment = slicer.vtkSegment()
    segment.SetName(f"Tumour {number}")
    segment.SetColor(lesion_colour(number))
    segment.SetTag(LESION, str(number))
    segment.SetTerminology(TERMINOLOGY)
    segment.SetLabelValue(number)
    segment.AddRepresentation(LABELMAP, image)
    return segment


def _part_from_foreign(segmentation, ours: dict[int, str]) -> None:
    """Give a foreign segment that shares an image with one of ours an image of its own."""
    images = {id(segmentation.GetSegment(i).GetRepresentation(LABELMAP)) for i in ours.values()}
    for segment_id in segmentation.GetSegmentIDs():
        if segment_id in ours.values():
            continue
        if id(segmentation.GetSegment(segment_id).GetRepresentation(LABELMAP)) in images:
            segmentation.SeparateSegmentLabelmap(segment_id)


def _shared_image(segmentation, ours: dict[int, str]):
    """The image in which our segments lie; a new one where there is none or an edit gave them different ones."""
    images = [segmentation.GetSegment(i).GetRepresentation(LABELMAP) for i in ours.values()]
    if images and images[0] is not None and all(image is images[0] for image in images):
        return images[0]
    return slicer.vtkOrientedImageData()


def _fill(image, ct, start, labels: np.ndarray, highest: int) -> None:
    """Put the labels, cropped to the lesions' common box, into the image. Observers are told later, once."""
    matrix = vtk.vtkMatrix4x4()
    ct.GetIJKToRASMatrix(matrix)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    used = bounding_box(labels)
    if used is None:
        image.SetExtent(0, -1, 0, -1, 0, -1)
        image.GetPointData().SetScalars(None)
        return
    voxels = np.ascontiguousarray(labels[used], np.uint8 if highest < 256 else np.uint16)
    extent = [(s + part.start, s + part.stop - 1) for s, part in zip(start, used, strict=True)]
    image.SetExtent(*(n for pair in reversed(extent) for n in pair))
    image.GetPointData().SetScalars(numpy_to_vtk(voxels.ravel(), deep=True))
