"""What the slice views show of a result: the overlay in the foreground, and where they are cut.

Works on the composite and slice nodes handed in (see `composite_nodes`, `slice_nodes`), which Slicer's and the
browser's views both follow.
"""

from __future__ import annotations

from collections.abc import Iterable

import vtk

from LungTumorSegLib.scene import ownership
from LungTumorSegLib.volume.geometry import to_ras

RIM = 0.1  # of a view's side
_BEFORE = ownership.PREFIX + "ForegroundBefore"


def composite_nodes(scene) -> list:
    """The scene's slice composite nodes: one a slice view."""
    return _nodes(scene, "vtkMRMLSliceCompositeNode")


def slice_nodes(scene) -> list:
    """The scene's slice nodes: one a slice view."""
    return _nodes(scene, "vtkMRMLSliceNode")


def show_ct(composites: Iterable, ct) -> None:
    """Put the CT in the background of the views."""
    for composite in composites:
        composite.SetBackgroundVolumeID(ct.GetID())


def show_result(scene, ct, shown: bool = True) -> None:
    """Segments, diameters, points and boxes of a CT: seen, or none of them."""
    for node in _result_nodes(scene):
        if node.GetNodeReference(ownership.CT) is ct:
            node.SetDisplayVisibility(shown)


def show_result_alone(scene, ct) -> None:
    """As `show_result`; of other CTs' nothing is seen then."""
    for node in _result_nodes(scene):
        node.SetDisplayVisibility(node.GetNodeReference(ownership.CT) is ct)


def show_overlay(composites: Iterable, map_node, opacity: float) -> None:
    """Put one of our maps in the foreground, or with None give the foreground back to what was there before.

    opacity : 0..1
    """
    for composite in composites:
        current = composite.GetForegroundVolumeID() or ""
        ours = composite.GetAttribute(_BEFORE) is not None
        modified = composite.StartModify()
        if map_node is not None:
            if not ours:
                composite.SetAttribute(_BEFORE, f"{current} {composite.GetForegroundOpacity()}")
            composite.SetForegroundVolumeID(map_node.GetID())
            composite.SetForegroundOpacity(opacity)
        elif ours:
            volume_id, before = composite.GetAttribute(_BEFORE).split(" ")
            composite.RemoveAttribute(_BEFORE)
            composite.SetForegroundVolumeID(volume_id or None)
            composite.SetForegroundOpacity(float(before))
        composite.EndModify(modified)


def jump(slices: Iterable, point_lps: tuple[float, float, float]) -> None:
    """Cut every view at the point (LPS mm); a view in which it would lie outside, or at the rim, is brought over it."""
    for node in slices:
        node.JumpSliceByOffsetting(*to_ras(point_lps))
        ras_to_xy = vtk.vtkMatrix4x4()
        vtk.vtkMatrix4x4.Invert(node.GetXYToRAS(), ras_to_xy)
        place = ras_to_xy.MultiplyPoint((*to_ras(point_lps), 1.0))
        sides = zip(place, node.GetDimensions()[:2], strict=False)
        if not all(RIM * side < at < (1 - RIM) * side for at, side in sides):
            centre([node], point_lps)


def centre(slices: Iterable, point_lps: tuple[float, float, float]) -> None:
    """Cut every view at the point (LPS mm) and bring it to the views' middle."""
    for node in slices:
        node.JumpSliceByCentering(*to_ras(point_lps))


def _result_nodes(scene) -> list:
    nodes = [*_nodes(scene, "vtkMRMLSegmentationNode"), *_nodes(scene, "vtkMRMLMarkupsNode")]
    return [node for node in nodes if ownership.is_ours(node)]


def _nodes(scene, class_name: str) -> list:
    # Not slicer.util.getNodesByClass: it asks slicer.mrmlScene whatever scene it is given.
    count = scene.GetNumberOfNodesByClass(class_name)
    return [scene.GetNthNodeByClass(n, class_name) for n in range(count)]
