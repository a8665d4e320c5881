"""The 0..1 maps on the CT's own grid: tumour probability and Grad-CAM.

The node spans the whole CT, so that it can be saved and compared voxel by voxel; the box in which it is not zero
is kept in an attribute of the node, so that the threshold works on the box alone, also in a scene loaded anew.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from LungTumorSegLib.measurement.steps import Steps, at_once
from LungTumorSegLib.scene import colours, ownership
from LungTumorSegLib.volume.box import Box

PROBABILITY = "Probability"
HEAT = "GradCAM"
BOX = ownership.PREFIX + "Box"
# Below this the overlay is transparent: a veil of hundredths over the whole lung says nothing.
VISIBLE_FROM = 0.05
PLANES = 16  # of the map, written in a step
_LOOK = {
    PROBABILITY: ("tumour probability", "Tumour probability", colours.PROBABILITY),
    HEAT: ("Grad-CAM", "Grad-CAM heat", colours.HEAT),
}


def showing_map(scene, ct, role: str, box: Box) -> Steps:
    """Write a box of 0..1 values (float32) into our map of the CT, 0 elsewhere, in steps; views are told in the last.

    The node is made at the first call and filled again at the next; its display is left as the user set it.
    """
    node = ownership.owned_one(ct, role)
    if node is None:
        node = _make(scene, ct, role)
    ownership.follow(node, ct)
    node.CopyOrientation(ct)
    if node.GetImageData() is None or node.GetImageData().GetDimensions() != ct.GetImageData().GetDimensions():
        node.SetAndObserveImageData(_empty_image(ct.GetImageData().GetDimensions()))
        node.RemoveAttribute(BOX)
    before, voxels = map_box(node), slicer.util.arrayFromVolume(node)
    for first in range(0, len(voxels), PLANES):
        planes = Box((first, 0, 0), voxels[first : first + PLANES])
        for part, old in ((before, True), (box, False)):
            overlap = planes.overlap(part)
            if overlap is not None:
                overlap[0][...] = 0 if old else overlap[1]
        yield
    modified = node.StartModify()
    node.SetAttribute(BOX, " ".join(str(int(n)) for n in (*box.start, *box.stop)))
    slicer.util.arrayFromVolumeModified(node)
    node.EndModify(modified)
    return node


show_map = at_once(showing_map)


def change_map(node, boxes: Iterable[Box]) -> None:
    """Write boxes of values over our map, one after the other. The box that is not zero grows to hold them."""
    boxes = [box for box in boxes if box.values.size]
    if not boxes:
        return
    voxels = slicer.util.arrayFromVolume(node)
    known = map_box(node)
    ends = [(box.start, box.stop) for box in ([known] if known.values.size else []) + boxes]
    start, stop = (function([end[n] for end in ends], axis=0) for n, function in enumerate((np.min, np.max)))
    modified = node.StartModify()
    for box in boxes:
        voxels[box.slices] = box.values
    node.SetAttribute(BOX, " ".join(str(int(n)) for n in (*start, *stop)))
    slicer.util.arrayFromVolumeModified(node)
    node.EndModify(modified)


def map_box(node) -> Box:
    """The box in which our map is not zero; its values are a view of the node's memory."""
    voxels = slicer.util.arrayFromVolume(node)
    numbers = [int(n) for n in (node.GetAttribute(BOX) or "0 0 0 0 0 0").split()]
    start, stop = tuple(numbers[:3]), tuple(numbers[3:])
    return Box(start, voxels[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))])


def _make(scene, ct, role: str):
    suffix, colour_name, anchors = _LOOK[role]
    node = ownership.make(scene, ct, role, "vtkMRMLScalarVolumeNode", f"{ct.GetName()} {suffix}")
    display = node.GetDisplayNode()
    display.AutoWindowLevelOff()
    display.SetWindowLevelMinMax(0.0, 1.0)
    display.SetAndObserveColorNodeID(colours.colour_table(scene, colour_name, anchors).GetID())
    display.AutoThresholdOff()
    display.SetThreshold(VISIBLE_FROM, 1.0)
    display.ApplyThresholdOn()
    return node


def _empty_image(dimensions: tuple[int, int, int]) -> vtk.vtkImageData:
    """Zero, and without memory where nothing is written: the system gives zeros as they are asked for."""
    image = vtk.vtkImageData()
    image.SetDimensions(dimensions)
    image.GetPointData().SetScalars(numpy_to_vtk(np.zeros(np.prod(dimensions), np.float32), deep=False))
    return image
