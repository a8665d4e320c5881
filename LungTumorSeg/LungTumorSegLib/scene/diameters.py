"""The diameters of the lesions as markups lines: a long and a short axis a lesion, in RAS millimetres."""

from __future__ import annotations

from LungTumorSegLib.scene import ownership
from LungTumorSegLib.scene.colours import lesion_colour
from LungTumorSegLib.volume.geometry import to_ras

ROLE = "Diameter"
LESION = ownership.PREFIX + "Lesion"
AXIS = ownership.PREFIX + "Axis"
AXES = {"long": "long_axis_points_lps", "short": "short_axis_points_lps"}


def show_diameters(scene, ct, lesions) -> None:
    """One line an axis: moved where it exists, made where it does not, removed where its lesion is gone.

    lesions : `measurement` Lesions; points in patient LPS mm, as the views show the CT (parent transforms applied).
    Lines stay free to be dragged; the next measurement puts them back.
    """
    lines = diameter_lines(ct)
    for lesion in lesions:
        for axis, points in AXES.items():
            line = lines.pop((lesion.id, axis), None) or _make(scene, ct, lesion.id, axis)
            _place(line, ct, to_ras(getattr(lesion, points)))
    for line in lines.values():
        ownership.remove(scene, line)


def diameter_lines(ct) -> dict:
    """(lesion id, "long" | "short") -> our line node."""
    nodes = ownership.owned(ct, ROLE)
    return {(int(node.GetAttribute(LESION)), node.GetAttribute(AXIS)): node for node in nodes}


def _make(scene, ct, number: int, axis: str):
    line = ownership.make(scene, ct, ROLE, "vtkMRMLMarkupsLineNode", f"Tumour {number} {axis}")
    line.SetAttribute(LESION, str(number))
    line.SetAttribute(AXIS, axis)
    display = line.GetDisplayNode()
    display.SetColor(lesion_colour(number))
    display.SetSelectedColor(lesion_colour(number))
    display.SetPropertiesLabelVisibility(axis == "long")
    display.SetPointLabelsVisibility(False)
    display.SetTextScale(2.5)
    display.SetGlyphScale(1.2)
    # Seen through the surface in 3D, as a caliper would be.
    display.SetOccludedVisibility(True)
    display.SetOccludedOpacity(0.6)
    return line


def _place(line, ct, points) -> None:
    modified = line.StartModify()
    ownership.follow(line, ct)
    for n, point in enumerate(points):
        if n < line.GetNumberOfControlPoints():
            line.SetNthControlPointPositionWorld(n, *point)
        else:
            line.AddControlPointWorld(*point)
    line.EndModify(modified)
