"""The nodes in which the user marks lesions: all points inside in one (green), all points outside in another (red), a
box in one of its own each; and their control points as `prompts` groups them.

A control point's group is kept in its description ("prompt 2 at 0.5"; "takes away at 0.5"), a box's in an attribute: so
a point that is moved stays with its lesion, in a saved scene too. The number behind it is the threshold shown then.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import slicer

from LungTumorSegLib.scene import ownership
from LungTumorSegLib.volume.geometry import to_ras

INSIDE, OUTSIDE, BOX = "PointsInside", "PointsOutside", "PromptBox"
GREEN, RED = (0.10, 0.75, 0.25), (0.95, 0.35, 0.10)
GROUP = ownership.PREFIX + "Prompt"
AWAY = "away"  # the group of a point outside that takes an automatic lesion away
_GROUP = re.compile(r"(?:prompt (\d+)|takes away) at ([0-9.eE+-]+)")
# A point or a box was placed, moved (also while the hand drags it), deleted.
_EVENTS = slicer.vtkMRMLMarkupsNode
CHANGED = (_EVENTS.PointPositionDefinedEvent, _EVENTS.PointModifiedEvent, _EVENTS.PointRemovedEvent)


@dataclass
class Mark:
    """A control point or a box as it is read.

    n : the control point's number; None of a box. at : LPS mm, (3,) or (2, 3).
    group : the prompt's key, `AWAY`, or "" of a new one. threshold : the one that was shown when it joined.
    """

    node: object
    n: int | None
    at: np.ndarray
    group: str
    threshold: float

    def join(self, group: str, threshold: float) -> None:
        self.group, self.threshold = group, threshold
        text = f"{'takes away' if group == AWAY else f'prompt {group}'} at {threshold:g}"
        if self.n is None:
            self.node.SetAttribute(GROUP, text)
        else:
            self.node.SetNthControlPointDescription(self.n, text)


def points_inside(scene, ct):
    """The vtkMRMLMarkupsFiducialNode of the points in lesions, made if there is none. Points may be placed, moved and
    deleted in it by the user or by code."""
    return _points(scene, ct, INSIDE, "points in lesions", GREEN, "CrossDot2D")


def points_outside(scene, ct):
    """The vtkMRMLMarkupsFiducialNode of the points that are not lesion, made if there is none."""
    return _points(scene, ct, OUTSIDE, "points outside lesions", RED, "ThickCross2D")


def add_box(scene, ct, corners_lps=None):
    """A vtkMRMLMarkupsROINode around a lesion; without corners (two, LPS mm) one that the user is going to place."""
    node = ownership.make(scene, ct, BOX, "vtkMRMLMarkupsROINode", f"{ct.GetName()} lesion box")
    node.UndoEnabledOn()
    display = node.GetDisplayNode()
    _colour(display, GREEN)
    display.SetPropertiesLabelVisibility(False)
    display.SetPointLabelsVisibility(False)
    display.SetFillOpacity(0.0)
    if corners_lps is not None:
        corners = to_ras(corners_lps)
        node.SetSizeWorld(*np.abs(corners[1] - corners[0]))
        node.SetCenterWorld(*corners.mean(axis=0))
    return node


def boxes(ct) -> list:
    """The boxes' nodes."""
    return ownership.owned(ct, BOX)


def all_nodes(ct) -> list:
    """Every node of points and boxes that there is: what a host observes (`CHANGED`)."""
    return [node for role in (INSIDE, OUTSIDE, BOX) for node in ownership.owned(ct, role)]


def marks_of(ct, role: str) -> list[Mark]:
    """The points that are placed: none that hangs at the mouse."""
    node = ownership.owned_one(ct, role)
    marks = []
    for n in range(node.GetNumberOfControlPoints() if node is not None else 0):
        if node.GetNthControlPointPositionStatus(n) == node.PositionDefined:
            at = to_ras(node.GetNthControlPointPositionWorld(n))
            marks.append(Mark(node, n, at, *_group(node.GetNthControlPointDescription(n))))
    return marks


def box_mark(node) -> Mark | None:
    """The box as corners of the patient's axes around it; None while the user still draws it."""
    if not 0 < node.GetNumberOfControlPoints() == node.GetNumberOfDefinedControlPoints() or min(node.GetSize()) <= 0:
        return None
    bounds = [0.0] * 6
    node.GetRASBounds(bounds)
    corners = np.sort(to_ras(np.reshape(bounds, (3, 2)).T), axis=0)
    return Mark(node, None, corners, *_group(node.GetAttribute(GROUP) or ""))


def remove_prompt(scene, ct, key: str) -> None:
    """Delete a prompt's points and box."""
    for role in (INSIDE, OUTSIDE):
        for mark in reversed(marks_of(ct, role)):
            if mark.group == key:
                mark.node.RemoveNthControlPoint(mark.n)
    for node in boxes(ct):
        if _group(node.GetAttribute(GROUP) or "")[0] == key:
            ownership.remove(scene, node)


def _points(scene, ct, role: str, what: str, colour: tuple[float, float, float], glyph: str):
    node = ownership.owned_one(ct, role)
    if node is None:
        node = ownership.make(scene, ct, role, "vtkMRMLMarkupsFiducialNode", f"{ct.GetName()} {what}")
        node.UndoEnabledOn()
        display = node.GetDisplayNode()
        _colour(display, colour)
        display.SetPointLabelsVisibility(False)
        display.SetGlyphTypeFromString(glyph)
        display.SetGlyphScale(2.0)
        display.SetSliceProjection(False)
    return node


def _colour(display, colour: tuple[float, float, float]) -> None:
    display.SetColor(colour)
    display.SetSelectedColor(colour)
    display.SetActiveColor(tuple((x + 1) / 2 for x in colour))


def _group(text: str) -> tuple[str, float]:
    found = _GROUP.fullmatch(text)
    return (found[1] or AWAY, float(found[2])) if found else ("", 0.0)
