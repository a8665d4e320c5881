"""The lesions as a table node: a row a lesion, with types and units, so that it can be plotted and exported."""

from __future__ import annotations

import math

import vtk

from LungTumorSegLib.scene import ownership

ROLE = "Table"
# Title, unit, what it is, how to get it from a Lesion. Integers where the array type says so.
COLUMNS = (
    ("Lesion", "", "number, by falling volume", vtk.vtkIntArray, lambda x: x.id),
    ("Long axis", "mm", "longest diameter in an acquired slice", vtk.vtkDoubleArray, lambda x: x.long_axis_mm),
    ("Short axis", "mm", "longest diameter at right angles to it", vtk.vtkDoubleArray, lambda x: x.short_axis_mm),
    ("3D diameter", "mm", "longest diameter in any direction", vtk.vtkDoubleArray, lambda x: x.max_3d_diameter_mm),
    ("Volume", "mL", "of the voxels above the threshold", vtk.vtkDoubleArray, lambda x: x.volume_ml),
    ("Mean probability", "", "of those voxels", vtk.vtkDoubleArray, lambda x: _or_nan(x.mean_probability)),
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


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
