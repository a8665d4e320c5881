"""Undo and Redo of Slicer's own Segment Editor, and what CTK's slider says, as the panel takes them."""

# ruff: noqa: F401, F811 (fixtures of test_panel)

import numpy as np
import pytest
import slicer
import vtk
from clicks import tick
from test_panel import ct, idle, module, opened, result_of, segmented
from vtk.util.numpy_support import numpy_to_vtk

from LungTumorSegLib.scene import segments


@pytest.fixture
def editor(segmented, ct):
    editor = slicer.modules.SegmentEditorWidget.editor
    editor.setSegmentationNode(result_of(ct).segmentation_node)
    return editor


def rest(host, segmented):
    host.until(lambda: False, 0.6)  # longer than a brush rests
    assert host.until(idle(segmented))


def voxels(ct) -> dict[int, int]:
    labels = segments.read_labels(result_of(ct).segmentation_node).values
    return {int(n): int((labels == n).sum()) for n in np.unique(labels) if n}


def table(segmented):
    return [lesion.voxel_count for lesion in segmented.panel.desk.lesions]


def paint(editor, ct, lesion):
    """A stroke beside the lesion, as an effect of the editor writes it."""
    node = result_of(ct).segmentation_node
    labels = segments.read_labels(node).full(ct.GetImageData().GetDimensions()[::-1])
    k, j, i = np.argwhere(labels == lesion).mean(axis=0).astype(int)
    stroke = np.zeros(labels.shape, np.uint8)
    stroke[k - 2 : k + 3, j - 12 : j + 12, i - 12 : i + 12] = 1
    stroke[labels > 0] = 0
    image, matrix = slicer.vtkOrientedImageData(), vtk.vtkMatrix4x4()
    ct.GetIJKToRASMatrix(matrix)
    image.SetDimensions(stroke.shape[::-1])
    image.SetGeometryFromImageToWorldMatrix(matrix)
    image.GetPointData().SetScalars(numpy_to_vtk(stroke.ravel(), deep=True))
    editor.saveStateForUndo()
    segment_id = segments.our_segments(node)[lesion]
    logic = editor.logic
    logic.ModifySegmentByLabelmap(node, segment_id, image, logic.ModificationModeAdd, False, False)


def test_an_undo_by_which_no_segment_goes_is_measured(host, segmented, ct, editor):
    before = table(segmented)
    paint(editor, ct, 1)
    rest(host, segmented)
    assert table(segmented)[0] > before[0]
    assert segmented.panel.desk.has_edits
    editor.logic.Undo()
    rest(host, segmented)
    assert table(segmented) == before == list(voxels(ct).values())
    assert not segmented.panel.desk.has_edits


def test_undo_of_thresholds_brings_slider_and_table_back_and_can_be_redone(host, segmented, ct, editor):
    states = []
    for threshold in (0.45, 0.5, 0.6):
        segmented.ui.thresholdSlider.q.drag(threshold)
        rest(host, segmented)
        states.append((threshold, table(segmented)))
    for threshold, expected in states[1::-1]:
        editor.logic.Undo()
        rest(host, segmented)
        assert segmented.ui.thresholdSlider.value == pytest.approx(threshold)
        assert table(segmented) == expected == list(voxels(ct).values())
    for threshold, expected in states[1:]:
        assert editor.logic.CanRedo()
        editor.logic.Redo()
        rest(host, segmented)
        assert segmented.ui.thresholdSlider.value == pytest.approx(threshold)
        assert table(segmented) == expected


def test_undo_of_another_models_segment_is_of_the_model_before(host, segmented, ct, editor, request):
    from LungTumorSegLib.workstation.run_facts import run_facts

    def shown():
        result = result_of(ct)
        facts, segmentation = run_facts(result), result.segmentation_node.GetSegmentation()
        return facts["model"], facts.get("classes"), segmentation.GetNthSegment(0).GetName(), voxels(ct)

    desk = segmented.panel.desk
    tumours = shown()
    assert tumours[:3] == ("automatic", None, "Tumour 1")
    request.addfinalizer(lambda: desk.choose_models("automatic", "prompted"))  # as the panel shows
    desk.choose_models("lungs", "prompted")
    desk.segment()
    rest(host, segmented)
    lungs = shown()
    assert lungs[:3] == ("lungs", ["left lung"], "left lung 1")
    for turn, expected in ((editor.logic.Undo, tumours), (editor.logic.Redo, lungs), (editor.logic.Undo, tumours)):
        turn()
        rest(host, segmented)
        assert shown() == expected


def test_a_lesion_that_redo_removes_and_undo_brings_back_is_marked_as_before(host, segmented, ct, editor):
    desk = segmented.panel.desk
    desk.mark_node(2, True)
    for threshold in (0.6, 0.8):
        segmented.ui.thresholdSlider.q.drag(threshold)
        rest(host, segmented)
    assert [lesion.id for lesion in desk.lesions] == [1]
    for turn in (editor.logic.Undo, editor.logic.Redo, editor.logic.Undo):
        turn()
        rest(host, segmented)
    assert [(lesion.id, lesion.node) for lesion in desk.lesions] == [(1, False), (2, True)]


def test_a_slider_that_is_let_go_where_it_was_taken_leaves_lesions_measured_and_in_3d(host, segmented, ct):
    node, ui = result_of(ct).segmentation_node, segmented.ui
    tick(ui.surfaceCheckBox)
    rest(host, segmented)
    assert segments.has_surface(node)
    before, seen = ui.thresholdSlider.value, table(segmented)
    ui.thresholdSlider.q.drag(before + 0.2, before)
    assert host.until(lambda: segments.has_surface(node))
    assert host.until(idle(segmented))
    assert table(segmented) == seen == list(voxels(ct).values())


def test_a_corrected_earlier_study_stays_corrected_at_every_threshold(host, segmented, ct):
    from made_scene import START, blobs

    from LungTumorSegLib.export.handover import Handover
    from LungTumorSegLib.scene.volumes import geometry_of
    from LungTumorSegLib.volume.box import Box
    from LungTumorSegLib.workstation.earlier import show_earlier

    probability = blobs()
    labels = (probability >= 0.6).astype(np.uint16)
    labels[:3, :6, :6] = 2  # painted, where the model saw nothing
    voxels_ct = slicer.util.arrayFromVolume(ct).copy()
    run = {"threshold": 0.6, "model": "automatic", "corrected": True}
    boxes = Box(START, labels), Box(START, probability)
    earlier = show_earlier(slicer.mrmlScene, Handover(voxels_ct, geometry_of(ct), *boxes, run=run), "January")
    opened_with = voxels(earlier)
    assert opened_with == {1: int((labels == 1).sum()), 2: 3 * 6 * 6}
    segmented.logic.getParameterNode().ct = earlier
    rest(host, segmented)
    assert voxels(earlier) == opened_with, "choosing a CT cuts nothing"
    segmented.ui.thresholdSlider.q.drag(0.61)
    rest(host, segmented)
    moved = voxels(earlier)
    assert moved[2] == 3 * 6 * 6
    assert moved[1] < opened_with[1]


def test_an_earlier_study_without_a_probability_keeps_its_lesions(host, ct):
    from made_scene import START, blobs

    from LungTumorSegLib.export.handover import Handover
    from LungTumorSegLib.scene.volumes import geometry_of
    from LungTumorSegLib.volume.box import Box
    from LungTumorSegLib.workstation.earlier import show_earlier

    labels = (blobs() >= 0.6).astype(np.uint16)
    given = Handover(slicer.util.arrayFromVolume(ct).copy(), geometry_of(ct), Box(START, labels))
    earlier = show_earlier(slicer.mrmlScene, given, "January")
    seen = voxels(earlier)
    result_of(earlier).recompose(0.7, 3.0)
    assert voxels(earlier) == seen == {1: int(labels.sum())}
