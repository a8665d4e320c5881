"""The points that the user places in lesions which the model missed."""

from __future__ import annotations

import slicer

from LungTumorSegLib.scene import ownership
from LungTumorSegLib.volume.geometry import to_ras

ROLE = "Prompt"
PLACED = slicer.vtkMRMLMarkupsNode.PointPositionDefinedEvent


def prompt_points(scene, ct):
    """Our list of points for the CT, made if there is none."""
    node = ownership.owned_one(ct, ROLE)
    if node is None:
        node = ownership.make(scene, ct, ROLE, "vtkMRMLMarkupsFiducialNode", f"{ct.GetName()} lesion points")
        node.GetDisplayNode().SetPointLabelsVisibility(False)
    return node


def last_point(node) -> tuple[float, float, float] | None:
    """The point placed last, LPS mm as the views show it; None where none is placed (one may hang at the mouse)."""
    for n in reversed(range(node.GetNumberOfControlPoints())):
        if node.GetNthControlPointPositionStatus(n) == node.PositionDefined:
            return tuple(float(x) for x in to_ras(node.GetNthControlPointPositionWorld(n)))
    return None
