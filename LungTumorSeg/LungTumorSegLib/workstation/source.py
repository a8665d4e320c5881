"""Which file a CT node was loaded from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from LungTumorSegLib.scene import ownership

SOURCE = ownership.PREFIX + "Source"  # attribute of a CT node: its file, kept by a host that read it itself
SERIES = ownership.PREFIX + "Series"  # the UID of the series in it
INSTANCES = "DICOM.instanceUIDs"  # attribute that Slicer's DICOM plugins keep


def note_source(ct, path: str | Path, series: str | None = None) -> None:
    """Remember where a host has read a CT."""
    ct.SetAttribute(SOURCE, str(path))
    ct.SetAttribute(SERIES, series)


def is_source(scene, folder: Path) -> bool:
    """A host has read a CT of the scene in this folder. It is read there again: DICOM that is exported names its
    patient."""
    count = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    nodes = [scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode") for n in range(count)]
    paths = [Path(node.GetAttribute(SOURCE) or "") for node in nodes]
    return any(path.is_relative_to(folder.resolve()) for path in paths)


def source_of(ct, find_file: Callable[[str], str] | None = None) -> tuple[str | None, str | None]:
    """File or folder that the node's voxels came from, and the series' UID where that is needed; None where nobody
    knows. It may hold other voxels by now.

    find_file : DICOM instance UID -> file, by the host's DICOM database
    """
    if ct.GetAttribute(SOURCE):
        return ct.GetAttribute(SOURCE), ct.GetAttribute(SERIES)
    instances = (ct.GetAttribute(INSTANCES) or "").split()
    if instances and find_file is not None:
        file = find_file(instances[0])
        if file:
            return str(file), None  # one DICOM file stands for its series
    storage = ct.GetStorageNode()
    name = storage.GetFileName() if storage is not None else None
    if name and Path(name).exists() and not ct.GetModifiedSinceRead():
        return str(name), None
    return None, None
