"""The lesions as a table node: a row a lesion, with types and units, so that it can be plotted and exported."""

from __future__ import annotations

import math

import vtk

from LungTumorSegLib.scene import ownership

ROLE = "Table"
# Title, unit, what it is, how to get it from a Lesion. Integers where the array type says so.
COLUMNS = (
    ("Lesion", "", "number, kept for good", vtk.vtkIntArray, lambda x: x.id),
    ("Long axis", "mm", "longest diameter in an acquired slice", vtk.vtkDoubleArray, lambda x: x.long_axis_mm),
    ("Short axis", "mm", "longest diameter at right angles to it", vtk.vtkDoubleArray, lambda x: x.short_axis_mm),
    ("3D diameter", "mm", "longest diameter in any direction", vtk.vtkDoubleArray, lambda x: x.max_3d_diameter_mm),
    ("Volume", "mL", "of the voxels above the threshold", vtk.vtkDoubleArray, lambda x: x.volume_ml),
    (
        "Long axis low",
        "mm",
        "least at thresholds 0.3 to 0.7",
        vtk.vtkDoubleArray,
        lambda x: _low(x.long_axis_interval_mm),
    ),
    ("Long axis high", "mm", "greatest of them", vtk.vtkDoubleArray, lambda x: _high(x.long_axis_interval_mm)),
    (
        "Short axis low",
        "mm",
        "least at thresholds 0.3 to 0.7",
        vtk.vtkDoubleArray,
        lambda x: _low(x.short_axis_interval_mm),
    ),
    ("Short axis high", "mm", "greatest of them", vtk.vtkDoubleArray, lambda x: _high(x.short_axis_interval_mm)),
    ("WHO product", "mm2", "long times short axis", vtk.vtkDoubleArray, lambda x: x.who_product_mm2),
    ("Edited", "", "1: an axis is the user's line", vtk.vtkIntArray, lambda x: int(x.edited)),
    ("Corrected", "", "1: the user painted or erased voxels of it", vtk.vtkIntArray, lambda x: int(x.corrected)),
    ("Node", "", "1: a lymph node, its short axis counts", vtk.vtkIntArray, lambda x: int(x.node)),
    ("Measurable", "", "1: large enough for a target lesion", vtk.vtkIntArray, lambda x: int(x.measurable)),
    ("Side", "", "left or right lung", vtk.vtkStringArray, lambda x: x.side or ""),
    (
        "Pleura",
        "mm",
        "from the lesion's edge to the lung's surface, about",
        vtk.vtkDoubleArray,
        lambda x: _or_nan(x.pleura_mm),
    ),
    ("Mean density", "HU", "of the voxels", vtk.vtkDoubleArray, lambda x: _or_nan(x.mean_hu)),
    ("Solid share", "", "of the voxels, from -300 HU", vtk.vtkDoubleArray, lambda x: _or_nan(x.solid_share)),
    ("Mean probability", "", "of the voxels", vtk.vtkDoubleArray, lambda x: _or_nan(x.mean_probability)),
    ("Slice", "", "of the long axis, counted from 0", vtk.vtkIntArray, lambda x: x.slice),
)


def show_table(scene, ct, lesions):
    """Fill our table of the CT with the lesions (`measurement` Lesions), making it if there is none."""
    node = ownership.owned_one(ct, ROLE)
    if node is None:
        node = ownership.make(scene, ct, ROLE, "vtkMRMLTableNode", f"{ct.GetName()} tumours table")
        node.SetLocked(True)
        node.SetUseColumnTitleAsColumnHeader(True)
    modified = node.StartModify()
    table = vtk.vtkTable()
    for title, _unit, _sentence, array_class, value in COLUMNS:
        column = array_class()
        column.SetName(title)
        for lesion in lesions:
            column.InsertNextValue(value(lesion))
        table.AddColumn(column)
    node.SetAndObserveTable(table)
    for title, unit, sentence, _array_class, _value in COLUMNS:
        node.SetColumnTitle(title, f"{title} ({unit})" if unit else title)
        node.SetColumnUnitLabel(title, unit)
        node.SetColumnDescription(title, sentence)
    node.EndModify(modified)
    return node


def _low(interval: tuple[float, float] | None) -> float:
    return math.nan if interval is None else interval[0]


def _high(interval: tuple[float, float] | None) -> float:
    return math.nan if interval is None else interval[1]


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
