"""An earlier study from its result folder, put into the scene as a CT with its lesions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import slicer

from LungTumorSegLib.export.handover import Handover
from LungTumorSegLib.scene import maps, segments, views
from LungTumorSegLib.scene.cut import Cut, keep_cut
from LungTumorSegLib.scene.followup import DAY
from LungTumorSegLib.scene.marks import Marks
from LungTumorSegLib.scene.result import Result, batch
from LungTumorSegLib.volume.box import EMPTY, Box
from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.workstation.run_facts import note_run
from LungTumorSegLib.workstation.source import note_source


def show_earlier(scene, given: Handover, name: str):
    """Make the CT's node, its segments with the numbers that they had, the user's lines and marks; returns the CT.
    None of it is seen before the CT is chosen: it would lie over another date's."""
    with batch(scene):
        ct = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", scene.GenerateUniqueName(name))
        ct.SetIJKToRASMatrix(slicer.util.vtkMatrixFromArray(given.geometry.ijk_to_ras_matrix))
        slicer.util.updateVolumeFromArray(ct, given.voxels)
        ct.CreateDefaultDisplayNodes()
        if given.source:
            note_source(ct, given.source, given.series)
        ct.SetAttribute(DAY, given.run.get("study_date"))
        maps.show_map(scene, ct, maps.PROBABILITY, given.probability or EMPTY)
        node = segments.segmentation_node(scene, ct)
        note_run(node, given.run)
        segments.fill_segments(node, ct, given.labels)
        node.SetAttribute(segments.IDENTITY, given.run.get("identity"))
        cut = cut_of(given.run)
        keep_cut(node, cut or Cut(float(given.run.get("threshold") or 0.5)))
        keep_marks(node, given.geometry, given.lesions)
        result = Result(scene, ct)
        if cut is None or given.probability is None or given.run.get("corrected") or given.run.get("prompts"):
            result.take_over()  # of these the map knows nothing, and another threshold would lose them
        result.measure()
        views.show_result(scene, ct, False)
    return ct


def cut_of(run: dict) -> Cut | None:
    """How the lesions were cut, by run.json of a host or, as it was asked, of the command; None where it does not say
    all of it."""
    asked = run.get("asked") or {}
    smallest = run.get("smallest_mm", asked.get("smallest"))
    largest = run.get("largest_only", asked.get("largest_only"))
    if run.get("threshold") is None or smallest is None:
        return None
    return Cut(float(run["threshold"]), float(smallest), bool(largest))


def keep_marks(node, grid: Geometry, lesions: list[dict]) -> None:
    """What the user had said of the lesions: nodes, and axes that are lines of their own."""
    marks = Marks(node)
    for lesion in lesions:
        if lesion.get("node"):
            marks.set_node(lesion["id"], True)
        if lesion.get("edited"):
            for axis in ("long", "short"):
                ends = np.array(lesion[f"{axis}_axis_points_lps"], float)
                marks.set_drawn(lesion["id"], axis, grid.lps_to_ijk(ends))


def name_of(folder: Path) -> str:
    """For the node: the folder's name, which its user knows."""
    return f"Earlier CT ({folder.name})"


def just_ct(voxels: np.ndarray, geometry: Geometry) -> Handover:
    """A CT alone, for a job that looks at nothing else."""
    return Handover(voxels, geometry, Box((0, 0, 0), np.zeros((0, 0, 0), np.uint16)))
