"""The diameters of the lesions as markups lines: a long and a short axis a lesion, in RAS millimetres."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from LungTumorSegLib.measurement.colours import lesion_colour
from LungTumorSegLib.scene import ownership
from LungTumorSegLib.volume.geometry import to_ras

ROLE = "Diameter"
LESION = ownership.PREFIX + "Lesion"
AXIS = ownership.PREFIX + "Axis"
# Where we put the line's ends, in the node's own coordinates: what lies elsewhere, the user moved.
PLACED = ownership.PREFIX + "Placed"
NAMED = ownership.PREFIX + "Named"  # what we called the node last
MOVED_MM = 1e-3  # no hand moves a point by less; saved scenes keep more digits
GLYPH, BOLD_GLYPH = 1.2, 2.0  # percent of the view
LINE, BOLD_LINE = 0.25, 0.6  # of the glyph
AXES = {"long": "long_axis_points_lps", "short": "short_axis_points_lps"}


def show_diameters(scene, ct, lesions, name_of: Callable[[int], str] = "Tumour {}".format) -> None:
    """One line an axis: moved where it exists, made where it does not, removed where its lesion is gone.

    lesions : `measurement` Lesions; points in patient LPS mm, as the views show the CT (parent transforms applied).
    name_of : what a lesion is called, by its id; lines that the user called otherwise keep their name.
    Lines stay free to be dragged, see `moved_lines`: lesions whose line the user drew come here with that line.
    """
    lines = diameter_lines(ct)
    for lesion in lesions:
        for axis, points in AXES.items():
            line = lines.pop((lesion.id, axis), None) or _make(scene, ct, lesion.id, axis)
            _call(line, f"{name_of(lesion.id)} {axis}")
            _place(line, ct, to_ras(getattr(lesion, points)))
    for line in lines.values():
        ownership.remove(scene, line)


def diameter_lines(ct) -> dict:
    """(lesion id, "long" | "short") -> our line node."""
    nodes = ownership.owned(ct, ROLE)
    return {(int(node.GetAttribute(LESION)), node.GetAttribute(AXIS)): node for node in nodes}


def highlight(ct, lesion: int | None) -> None:
    """Draw the lines of one lesion bolder than all others; None: all alike."""
    for (number, _axis), line in diameter_lines(ct).items():
        _draw(line.GetDisplayNode(), number == lesion)


def _draw(display, bold: bool) -> None:
    modified = display.StartModify()
    display.SetGlyphScale(BOLD_GLYPH if bold else GLYPH)
    display.SetLineThickness(BOLD_LINE if bold else LINE)
    display.EndModify(modified)


def _call(line, name: str) -> None:
    """It stands in the views: without the number that would make it unique."""
    if line.GetAttribute(NAMED) in (None, line.GetName()):
        line.SetName(name)
    line.SetAttribute(NAMED, name)


def _make(scene, ct, number: int, axis: str):
    line = ownership.make(scene, ct, ROLE, "vtkMRMLMarkupsLineNode", f"Diameter {number} {axis}")
    line.GetMeasurement("length").SetPrintFormat("%.1f %s")
    line.SetAttribute(LESION, str(number))
    line.SetAttribute(AXIS, axis)
    display = line.GetDisplayNode()
    display.SetColor(lesion_colour(number))
    display.SetSelectedColor(lesion_colour(number))
    display.SetPropertiesLabelVisibility(axis == "long")
    display.SetPointLabelsVisibility(False)
    display.SetTextScale(2.5)
    _draw(display, bold=False)
    # Seen through the surface in 3D, as a caliper would be.
    display.SetOccludedVisibility(True)
    display.SetOccludedOpacity(0.6)
    return line


def moved_lines(ct) -> dict:
    """(lesion id, axis) -> (2, 3) ends, LPS mm: the lines of ours that do not lie where we put them."""
    return {
        key: to_ras([line.GetNthControlPointPositionWorld(n) for n in range(2)])
        for key, line in diameter_lines(ct).items()
        if is_whole(line) and np.abs(_ends(line) - _placed(line)).max() > MOVED_MM
    }


def is_whole(line) -> bool:
    """Both ends are set: none was deleted, none hangs at the mouse."""
    return line.GetNumberOfControlPoints() == 2 and line.GetNumberOfDefinedControlPoints() == 2


def _ends(line) -> np.ndarray:
    return np.array([line.GetNthControlPointPosition(n) for n in range(2)])


def _placed(line) -> np.ndarray:
    text = line.GetAttribute(PLACED)
    return _ends(line) if text is None else np.array(text.split(), float).reshape(2, 3)


def _place(line, ct, points) -> None:
    modified = line.StartModify()
    ownership.follow(line, ct)
    for n, point in enumerate(points):
        if n >= line.GetNumberOfControlPoints():
            line.AddControlPointWorld(*point)
        # Set again where it is, a point under the mouse would fall out of the hand.
        elif np.abs(np.subtract(line.GetNthControlPointPositionWorld(n), point)).max() > 1e-9:
            line.SetNthControlPointPositionWorld(n, *point)
    line.SetAttribute(PLACED, " ".join(repr(float(x)) for x in _ends(line).ravel()))
    line.EndModify(modified)
