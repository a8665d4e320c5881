"""A lesion painted by hand at the desk: without a model, through the host's Undo, out as a file."""

import json

import numpy as np
import pytest
import SimpleITK as sitk
import slicer
import vtk
from vtk.util.numpy_support import numpy_to_vtk

from LungTumorSegLib.scene import segments
from LungTumorSegLib.scene.cut import Cut
from LungTumorSegLib.scene.marks import Marks

SPOT = np.s_[3:7, 5:11, 6:12]


def paint(desk, lesion, where=SPOT):
    """As Slicer's editor writes a stroke."""
    node, voxels = (
        desk.result.segmentation_node,
        np.zeros(desk.result.ct.GetImageData().GetDimensions()[::-1], np.uint8),
    )
    voxels[where] = 1
    image, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    desk.ct.GetIJKToRASMatrix(matrix)
    image.SetDimensions(voxels.shape[::-1])
    image.SetGeometryFromImageToWorldMatrix(matrix)
    image.GetPointData().SetScalars(numpy_to_vtk(voxels.ravel(), deep=True))
    segment = segments.our_segments(node)[lesion]
    assert slicer.vtkSlicerSegmentationsModuleLogic.SetBinaryLabelmapToSegment(image, node, segment)


@pytest.fixture
def painted(bench, ct):
    """A lesion by hand in a CT that no model saw."""
    bench.desk.choose_ct(ct)
    lesion = bench.desk.new_lesion()
    assert bench.rest()
    assert bench.host.sentences[-1] == "Lesion 1 is empty: paint it with the brush."
    paint(bench.desk, lesion)
    assert bench.desk.unsettled
    assert bench.rest()
    return bench


def test_a_painted_lesion_gets_a_row_and_stays_when_the_model_is_asked(painted):
    assert [(row.id, row.voxel_count) for row in painted.host.shown] == [(1, 4 * 6 * 6)]
    painted.desk.segment()
    assert painted.rest()
    assert sorted(row.id for row in painted.host.shown) == [1, 2, 3]
    painted.desk.drag_threshold(0.7)
    painted.desk.rest(Cut(0.7, 3.0, False))
    assert painted.rest()
    assert painted.host.shown[0].voxel_count == 4 * 6 * 6


def test_what_a_hand_drew_is_exported_as_drawn_by_hand(painted, tmp_path):
    files = []
    painted.exporting.nifti(tmp_path / "mask.nii.gz", files.append)
    assert painted.rest()
    assert painted.host.failures == []
    mask = sitk.GetArrayFromImage(sitk.ReadImage(str(files[0])))
    assert mask[SPOT].all()
    assert mask.sum() == 4 * 6 * 6
    folders = []
    painted.exporting.result(folders.append)
    assert painted.rest()
    assert json.loads((folders[0] / "run.json").read_text())["model"] is None
    from LungTumorSegLib.export.result import read_result

    maker = read_result(folders[0]).maker
    assert (maker.kind, maker.words) == ("MANUAL", "an outline drawn by hand")


def test_undo_that_puts_a_segmentation_back_costs_no_mark(painted):
    """As the page's editor undoes: the whole segmentation is copied back, so each segment goes and comes."""
    desk = painted.desk
    desk.mark_node(1, True)
    segmentation, before = desk.result.segmentation_node.GetSegmentation(), slicer.vtkSegmentation()
    before.DeepCopy(segmentation)
    paint(desk, 1, np.s_[3:7, 5:11, 6:20])
    assert painted.rest()
    assert painted.host.shown[0].voxel_count == 4 * 6 * 14
    with desk.undoing():
        segmentation.DeepCopy(before)
    assert painted.rest()
    assert [(row.id, row.voxel_count, row.node) for row in painted.host.shown] == [(1, 4 * 6 * 6, True)]
    assert Marks(desk.result.segmentation_node).is_node(1)
    assert not desk.result.edits.removed
