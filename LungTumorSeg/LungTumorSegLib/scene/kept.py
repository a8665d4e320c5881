"""Boxes of values that we keep in the scene beside what is seen: hidden volume nodes, saved with it.

They are cropped: only the box that is not zero is stored. Lists of volumes leave them out (HideFromEditors). Their
place in the CT is kept as voxel indices, so it is exact whatever the file format.

A bundle (.mrb) has them. Beside a .mrml Slicer writes hidden nodes since 2026 only ("<scene>_Private"); where they are
missing, `kept` is None, and what needs them has to be asked for again.
"""

from __future__ import annotations

import numpy as np
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk, vtk_to_numpy

from LungTumorSegLib.scene import ownership
from LungTumorSegLib.volume.box import Box

_START = ownership.PREFIX + "Start"
_KEY = ownership.PREFIX + "Key"


def keep(scene, ct, role: str, box: Box, key: str = ""):
    """Keep a box (float32 or uint16) of the CT's grid under this role and key; returns its node.

    The values are not copied: they are the node's from now on. An empty box is kept too: that there is nothing is also
    an answer.
    """
    node = kept_node(ct, role, key)
    if node is None:
        node = _make(scene, ct, role, key)
    modified = node.StartModify()
    ownership.follow(node, ct)
    matrix = vtk.vtkMatrix4x4()
    ct.GetIJKToRASMatrix(matrix)
    node.SetIJKToRASMatrix(matrix)
    node.SetOrigin(*matrix.MultiplyPoint([*(float(n) for n in reversed(box.start)), 1.0])[:3])
    # A volume without voxels cannot be saved: one zero stands for it.
    values = box.values if box.values.size else np.zeros((1, 1, 1), box.values.dtype)
    values = np.require(values, requirements=("C", "W"))
    image = vtk.vtkImageData()
    image.SetDimensions(values.shape[::-1])
    image.GetPointData().SetScalars(numpy_to_vtk(values.ravel(), deep=False))
    node.SetAndObserveImageData(image)
    node.SetAttribute(_START, " ".join(str(int(n)) for n in box.start))
    node.EndModify(modified)
    return node


def kept(ct, role: str, key: str = "") -> Box | None:
    """The box kept under this role and key, a view of the node's memory; None where there is none."""
    node = kept_node(ct, role, key)
    image = node.GetImageData() if node is not None else None
    if image is None or image.GetPointData().GetScalars() is None:  # saved without its voxels
        return None
    start = tuple(int(n) for n in node.GetAttribute(_START).split())
    return Box(start, vtk_to_numpy(image.GetPointData().GetScalars()).reshape(image.GetDimensions()[::-1]))


def kept_node(ct, role: str, key: str = ""):
    return next((node for node in ownership.owned(ct, role) if (node.GetAttribute(_KEY) or "") == key), None)


def keys(ct, role: str) -> list[str]:
    """The keys under which something is kept in this role, in the order in which they came."""
    return [node.GetAttribute(_KEY) or "" for node in ownership.owned(ct, role)]


def drop(scene, ct, role: str, key: str = "") -> None:
    """Forget a box."""
    node = kept_node(ct, role, key)
    if node is not None:
        ownership.remove(scene, node)


def _make(scene, ct, role: str, key: str):
    node = slicer.vtkMRMLScalarVolumeNode()
    node.SetName(scene.GenerateUniqueName(f"{ct.GetName()} {role}"))
    node.HideFromEditorsOn()  # before it comes into the scene: lists look once
    node.SetAttribute(_KEY, key)
    return ownership.adopt(scene.AddNode(node), ct, role)
