"""A CT from files becomes a volume node of the scene. Files are read as everywhere in this program (`volume.reading`),
so that what is refused on the command line is refused here in the same words."""

from __future__ import annotations

from pathlib import Path

import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.scene.followup import DAY
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.reading import READERS, read_ct
from LungTumorSegLib.workstation.source import note_source


def read(path: Path, **answers) -> tuple[Volume, Path]:
    """The CT in a file, in a DICOM folder, or in the only CT file of a folder, and where it was. Takes seconds; needs
    no scene.

    answers : arguments of `read_ct`

    Raises `InputRefused`, and `AnswerNeeded` among these.
    """
    if path.is_dir():
        files = [file for file in sorted(path.rglob("*")) if file.is_file()]
        images = [file for file in files if any(file.name.lower().endswith(ending) for ending in READERS)]
        if len(images) > 1:
            raise InputRefused("Several CT files were given: give one at a time.")
        if images:
            return read_ct(images[0], **answers), images[0]
        if len(files) == 1:  # so that what is wrong is told of a file, not of a folder
            return read_ct(files[0], **answers), path
    return read_ct(path, **answers), path


def add_ct(scene, volume: Volume, path: Path):
    """A vtkMRMLScalarVolumeNode with these voxels (copied once), which knows where they were read."""
    name = volume.source.split(",")[0] or path.name
    for ending in READERS:
        name = name.removesuffix(ending)
    node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name or "CT"))
    note_source(node, path.resolve(), volume.series.uid if volume.series else None)
    if volume.series and volume.series.study_date:
        node.SetAttribute(DAY, volume.series.study_date)
    image = vtk.vtkImageData()
    image.SetDimensions(*reversed(volume.voxels.shape))
    image.GetPointData().SetScalars(numpy_to_vtk(volume.voxels.ravel(), deep=True))
    node.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(volume.geometry.ijk_to_ras_matrix))
    node.SetAndObserveImageData(image)
    node.CreateDefaultDisplayNodes()
    return node


def set_window(ct, width: float, level: float) -> None:
    """HU."""
    display = ct.GetDisplayNode()
    modified = display.StartModify()
    display.AutoWindowLevelOff()
    display.SetWindowLevel(width, level)
    display.EndModify(modified)
