"""The lesions as segments of our segmentation node of a CT: one segment a lesion.

All our segments lie in one label image over the lesions' box, which is refilled when they change: one pass however
many lesions there are. Segments that the user added to the node are never written to; where Slicer made one of them
share our image, it is given an image of its own first.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from uuid import uuid4

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from LungTumorSegLib.measurement import terminology
from LungTumorSegLib.measurement.colours import lesion_colour
from LungTumorSegLib.scene import ownership
from LungTumorSegLib.scene.canvas import Canvas
from LungTumorSegLib.scene.made_by import CLASSES
from LungTumorSegLib.scene.voxels import Voxels
from LungTumorSegLib.volume.box import Box

ROLE = "Segmentation"
LESION = ownership.PREFIX + "Lesion"
IDENTITY = ownership.PREFIX + "Identity"  # of the result: with it a lesion's number names the lesion for good
BEGUN = ownership.PREFIX + "Begun"  # without a voxel so far
LABELMAP = slicer.vtkSegmentationConverter.GetSegmentationBinaryLabelmapRepresentationName()
SURFACE = slicer.vtkSegmentationConverter.GetSegmentationClosedSurfaceRepresentationName()

GRID = ownership.PREFIX + "Grid"  # of the labels that we wrote: voxels to the segmentation's own RAS
SAME_GRID = 1e-4  # mm, in a matrix' elements
# Slicer's labelmaps may be of a signed type; labels are positive.
UNSIGNED = {np.dtype(np.int8): np.uint8, np.dtype(np.int16): np.uint16, np.dtype(np.int32): np.uint32}
JOINT_SMOOTHING = slicer.vtkBinaryLabelmapToClosedSurfaceConversionRule.GetJointSmoothingParameterName()


def segmentation_node(scene, ct):
    """Our segmentation node of the CT, made if there is none."""
    node = ownership.owned_one(ct, ROLE)
    if node is None:
        node = ownership.make(scene, ct, ROLE, "vtkMRMLSegmentationNode", f"{ct.GetName()} tumours")
        node.SetAttribute(IDENTITY, uuid4().hex)
        node.GetSegmentation().SetSourceRepresentationName(LABELMAP)
        display = node.GetDisplayNode()
        display.SetOpacity2DFill(0.25)
        display.SetSliceIntersectionThickness(2)
    ownership.follow(node, ct)
    if node.GetNodeReference(node.GetReferenceImageGeometryReferenceRole()) is not ct:
        node.SetReferenceImageGeometryParameterFromVolumeNode(ct)
    return node


def fill_segments(
    node, ct, labels: Box | Sequence[Box], over: Voxels | None = None, canvas: Canvas | None = None
) -> list[int]:
    """Make our segments those of the labels: label n becomes a segment of `name_of(node, n)`, label 0 is background.

    Parameters
    ----------
    node, ct : our segmentation node and its CT
    labels : unsigned integers; or boxes of them that do not overlap
    over : laid over the labels; lesion 0 takes away
    canvas : of the calls before, for speed

    Returns the numbers of the segments, rising. Surfaces of the segmentation vanish with the change, as Slicer does for
    any edit; see `show_surface`.
    """
    segmentation = node.GetSegmentation()
    canvas = canvas or Canvas()
    begun = begun_segments(node)
    ours = {number: segment_id for number, segment_id in our_segments(node).items() if number not in begun}
    _part_from_foreign(segmentation, ours)
    image = _shared_image(segmentation, ours)
    numbers = canvas.write(image, ct, [labels] if isinstance(labels, Box) else labels, over)
    grid = " ".join(repr(float(x)) for x in _ct_matrix(ct).ravel())
    if grid != node.GetAttribute(GRID):
        node.SetAttribute(GRID, grid)
    for number, segment_id in list(ours.items()):
        if number not in numbers:
            # Else Slicer goes through the whole shared image for its voxels; there are none.
            segmentation.GetSegment(segment_id).AddRepresentation(LABELMAP, slicer.vtkOrientedImageData())
            segmentation.RemoveSegment(segment_id)
            del ours[number]
    for number in numbers:
        if number in ours or number in begun:
            segment = segmentation.GetSegment(ours.get(number) or begun[number])
            segment.SetLabelValue(number)
            segment.RemoveTag(BEGUN)
            if segment.GetRepresentation(LABELMAP) is not image:
                segment.AddRepresentation(LABELMAP, image)
        else:
            segmentation.AddSegment(_segment(node, number, image), f"LungTumorSeg_{number}")
    canvas.done()
    for number in numbers[:1]:  # slice views draw anew for this event, not for the image's own
        segmentation.InvokeEvent(segmentation.RepresentationModified, our_segments(node)[number])
    return numbers


def say_classes(node, classes: Sequence[str]) -> None:
    """From now on our segments are of these classes: named so, but where the user gave one another name."""
    before = classes_of(node)
    node.SetAttribute(CLASSES, json.dumps(list(classes)))
    for number, segment_id in our_segments(node).items():
        segment = node.GetSegmentation().GetSegment(segment_id)
        if segment.GetName() == f"{terminology.called(before)} {number}":
            segment.SetName(name_of(node, number))
        if segment.GetTerminology() == terminology.entry(before):
            segment.SetTerminology(terminology.entry(classes))


def classes_of(node) -> list[str]:
    """What our segments are, by the names on the model's card; none where nobody said it, or without a node."""
    return json.loads(node.GetAttribute(CLASSES) or "[]") if node is not None else []


def name_of(node, number: int) -> str:
    """What we call a lesion's segment and lines."""
    return f"{terminology.called(classes_of(node))} {number}"


def begin_segment(node, number: int) -> None:
    """A segment without a voxel for a lesion that the user is going to paint; it stays until it has voxels."""
    segment = _segment(node, number, slicer.vtkOrientedImageData())
    segment.SetTag(BEGUN, "1")
    node.GetSegmentation().AddSegment(segment, f"LungTumorSeg_{number}")


def begun_segments(node) -> dict[int, str]:
    """Lesion number -> id of the segments that `begin_segment` made and nobody has painted into."""
    segmentation, begun = node.GetSegmentation(), {}
    for number, segment_id in our_segments(node).items():
        segment = segmentation.GetSegment(segment_id)
        image = segment.GetRepresentation(LABELMAP)
        if segment.HasTag(BEGUN) and (image is None or image.IsEmpty()):
            begun[number] = segment_id
    return begun


def images(node) -> dict[str, tuple]:
    """By the ids of our segments what tells whether their voxels are those of before: image, when changed, value."""
    found = {}
    for segment_id in our_segments(node).values():
        segment = node.GetSegmentation().GetSegment(segment_id)
        image = segment.GetRepresentation(LABELMAP)
        found[segment_id] = (image and (image.GetAddressAsString(""), image.GetMTime()), segment.GetLabelValue())
    return found


def are_as_written(node, canvas: Canvas, numbers: Collection[int]) -> bool:
    """Our segments are these, and nobody changed them since they were written on the canvas."""
    segmentation, ours = node.GetSegmentation(), our_segments(node)
    return set(ours) == set(numbers) and all(
        segmentation.GetSegment(i).GetLabelValue() == number
        and canvas.is_as_written(segmentation.GetSegment(i).GetRepresentation(LABELMAP))
        for number, i in ours.items()
    )


def read_voxels(node, ct) -> Voxels:
    """Our segments as they are now, the user's corrections included. Where segments overlap the higher number stands.

    Segments on another grid (the user may choose one in the Segment Editor) are brought onto the CT's.
    """
    segmentation, shape = node.GetSegmentation(), ct.GetImageData().GetDimensions()[::-1]
    images: dict[int, tuple[object, dict[int, int]]] = {}  # the image by its address, and lesion by label in it
    for number, segment_id in our_segments(node).items():
        segment = segmentation.GetSegment(segment_id)
        image = segment.GetRepresentation(LABELMAP)
        if image is not None and not image.IsEmpty():
            address = image.GetAddressAsString("")
            images.setdefault(address, (image, {}))[1][segment.GetLabelValue()] = number
    found = []
    for image, lesions in images.values():
        box = _on_grid(image, node, ct)
        if box is None:
            continue
        every = Voxels.of(shape, [Box(box.start, box.values.view(UNSIGNED.get(box.values.dtype, box.values.dtype)))])
        table = np.zeros(max(int(every.lesion.max(initial=0)), *lesions) + 1, np.uint16)
        table[list(lesions)] = list(lesions.values())
        found.append(Voxels(shape, every.where, table[every.lesion]).only(table[every.lesion] > 0))
    if not found:
        return Voxels.none(shape)
    whole = found[0]
    for other in found[1:]:
        here = whole.at(other.where)
        whole = whole.under(Voxels(shape, other.where, np.maximum(here, other.lesion)))
    return whole


def read_labels(node) -> Box:
    """As `read_voxels`, in the lesions' common box: lesion numbers (uint16)."""
    ct = node.GetNodeReference(ownership.CT)
    voxels = read_voxels(node, ct)
    if not len(voxels):
        return Box((0, 0, 0), np.zeros((0, 0, 0), np.uint16))
    return voxels.within(tuple(slice(int(a), int(b)) for a, b in zip(*voxels.bounds(), strict=True)))


def changes(node) -> tuple:
    """Something that differs as soon as the segments' voxels do: when they were changed last. Costs microseconds."""
    segmentation = node.GetSegmentation()
    every = [segmentation.GetNthSegment(n) for n in range(segmentation.GetNumberOfSegments())]
    images = [segment.GetRepresentation(LABELMAP) for segment in every]
    return tuple(image.GetMTime() if image is not None else 0 for image in images)


def locked_lesions(node) -> set[int]:
    """The lesions whose segment the user marked as "Completed": nothing of ours changes them. Slicer has no other lock
    for a segment."""
    segmentation, logic = node.GetSegmentation(), slicer.vtkSlicerSegmentationsModuleLogic
    return {
        number
        for number, segment_id in our_segments(node).items()
        if logic.GetSegmentStatus(segmentation.GetSegment(segment_id)) == logic.Completed
    }


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
    if shown:
        for _ in building_surface(node):
            pass
    else:
        node.RemoveClosedSurfaceRepresentation()


def building_surface(node) -> Iterator[None]:
    """Build the 3D surfaces in steps of a lesion each.

    Slicer's converter looks at a whole label image for each of its segments; ours lie far apart in one. So each lesion
    is converted by itself, with the node's own parameters. Segments of the user's, and lesions that are to be smoothed
    together, are left to Slicer.
    """
    segmentation, ours, ct = node.GetSegmentation(), our_segments(node), node.GetNodeReference(ownership.CT)
    if ours and ct is not None and f"{JOINT_SMOOTHING}|1" not in segmentation.SerializeAllConversionParameters():
        voxels, built = read_voxels(node, ct), {}
        for number, place in zip(voxels.numbers, voxels.boxes(), strict=True):
            built[number] = _surface(segmentation, voxels.within(place), number, ct)
            yield
        for number, surface in built.items():
            segmentation.GetSegment(ours[number]).AddRepresentation(SURFACE, surface)
            yield  # each view looks at all segments anew
        for number in built:
            segmentation.InvokeEvent(segmentation.RepresentationModified, ours[number])
        segmentation.InvokeEvent(segmentation.ContainedRepresentationNamesModified)
    if segmentation.GetNumberOfSegments():
        node.CreateClosedSurfaceRepresentation()  # of those that have none


def _surface(segmentation, labels: Box, number: int, ct):
    """The surface (vtkPolyData) of one lesion, converted as the segmentation says."""
    image, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    ct.GetIJKToRASMatrix(matrix)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    image.SetExtent(*(n for a, b in zip(labels.start[::-1], labels.stop[::-1], strict=True) for n in (a, b - 1)))
    image.GetPointData().SetScalars(numpy_to_vtk((labels.values == number).ravel().astype(np.uint8), deep=True))
    alone, segment = slicer.vtkSegmentation(), slicer.vtkSegment()
    alone.SetSourceRepresentationName(LABELMAP)
    alone.CopyConversionParameters(segmentation)
    segment.SetLabelValue(1)
    segment.AddRepresentation(LABELMAP, image)
    alone.AddSegment(segment, "lesion")
    alone.CreateRepresentation(SURFACE)
    return segment.GetRepresentation(SURFACE)


def show_in_slices(node, outline: bool, fill: bool, opacity: float = 0.5) -> None:
    """How the slice views draw the lesions: outlines, a fill of this opacity (0..1), both or neither."""
    display = node.GetDisplayNode()
    modified = display.StartModify()
    display.SetVisibility2DOutline(outline)
    display.SetVisibility2DFill(fill)
    display.SetOpacity2DFill(opacity)
    display.EndModify(modified)


def _segment(node, number: int, image) -> slicer.vtkSegment:
    segment = slicer.vtkSegment()
    segment.SetName(name_of(node, number))
    segment.SetColor(lesion_colour(number))
    segment.SetTag(LESION, str(number))
    segment.SetTerminology(terminology.entry(classes_of(node)))
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


def _on_grid(image, node, ct) -> Box | None:
    """A label image's values on the CT's grid, a view of its memory where it lies on it; None where it lies off.

    It lies on the CT's grid where it has the grid that we wrote, wherever CT or segmentation were moved to since, or
    the CT's own.
    """
    matrix = vtk.vtkMatrix4x4()
    image.GetImageToWorldMatrix(matrix)
    here, ours = slicer.util.arrayFromVTKMatrix(matrix), _ct_matrix(ct)
    kept = node.GetAttribute(GRID)
    written = ours if kept is None else np.array(kept.split(), float).reshape(4, 4)
    if min(np.abs(here - grid).max() for grid in (ours, written)) > SAME_GRID:
        grid, moved = slicer.vtkOrientedImageData(), slicer.vtkOrientedImageData()
        grid.SetExtent(ct.GetImageData().GetExtent())
        grid.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(written))
        slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(image, grid, moved)
        image = moved
    low, high = np.reshape(image.GetExtent(), (3, 2))[::-1].T
    values = vtk_to_numpy(image.GetPointData().GetScalars()).reshape(high - low + 1)
    shape = np.array(ct.GetImageData().GetDimensions()[::-1])
    first, last = np.maximum(low, 0), np.minimum(high + 1, shape)  # an editor may reach beyond the CT
    if (first >= last).any():
        return None
    values = values[tuple(slice(a - o, b - o) for a, b, o in zip(first, last, low, strict=True))]
    return Box(tuple(int(n) for n in first), values)


def _ct_matrix(ct) -> np.ndarray:
    matrix = vtk.vtkMatrix4x4()
    ct.GetIJKToRASMatrix(matrix)
    return slicer.util.arrayFromVTKMatrix(matrix)
