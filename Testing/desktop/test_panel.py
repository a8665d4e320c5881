"""The panel on the test host (see host.py: not "tested in Slicer"), clicked, with a worker process behind it."""

import numpy as np
import pytest

pytest.importorskip("PySide6", reason="the test host needs PySide6")
pytest.importorskip("trame_slicer", reason="the test host needs slicer-core")

import clicks
import slicer
from clicks import choose, click, click_row, open_tab, tick
from pretended import pretend, pretend_models


@pytest.fixture(scope="module")
def opened(host):
    """The module, open all the time as in Slicer."""
    with pytest.MonkeyPatch.context() as patch:
        pretend_models(patch, pretend(patch))
        yield host.open_module()
        host.close_module()


@pytest.fixture
def ct(host):
    """A CT in a new scene."""
    from made_scene import add_ct

    from LungTumorSegLib.volume.geometry import Geometry

    slicer.mrmlScene.Clear()
    for name in ("Red", "Green", "Yellow"):
        composite = slicer.vtkMRMLSliceCompositeNode()
        composite.SetLayoutName(name)
        slicer.mrmlScene.AddNode(composite)
        node = slicer.vtkMRMLSliceNode()
        node.SetLayoutName(name)
        slicer.mrmlScene.AddNode(node)
    return add_ct(slicer.mrmlScene, Geometry((30, 60, 64), (0.7, 0.7, 1.25)), "Chest CT")


@pytest.fixture
def module(host, opened, ct):
    host.errors.clear()
    host.console.clear()
    assert host.until(lambda: opened.ui.ctSelector.q.findText("Chest CT") >= 0)
    choose(opened.ui.ctSelector, "Chest CT")
    open_tab(opened, "Segment")
    choose(opened.ui.modelComboBox, "automatic")
    yield opened
    assert host.until(lambda: not opened.panel.desk.busy)
    assert host.console == []


def rows(module):
    return clicks.rows(module.ui.lesionTable)


def idle(module):
    """Nothing is computed, and what is seen is measured."""
    return lambda: module.ui.segmentButton.text == "Segment" and not module.panel.desk.unsettled


@pytest.fixture
def segmented(host, module):
    click(module.ui.segmentButton)
    assert host.until(idle(module))
    return module


def result_of(ct):
    from LungTumorSegLib.scene.result import Result

    return Result(slicer.mrmlScene, ct)


def test_segment_shows_lesions_and_says_so_in_words(segmented, ct, host):
    assert host.errors == []
    assert segmented.ui.statusLabel.text.startswith("2 lesions found in ")
    assert segmented.ui.statusLabel.text.endswith(" s on the CPU.")
    assert [row[0] for row in rows(segmented)] == ["1", "2"]
    assert segmented.ui.thresholdSlider.value == 0.4  # the model's
    assert result_of(ct).probability_node is not None
    composite = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetBackgroundVolumeID() == ct.GetID()
    assert composite.GetForegroundVolumeID() == result_of(ct).probability_node.GetID()


def test_the_button_is_cancel_while_the_worker_computes(host, module, ct):
    choose(module.ui.modelComboBox, "slow")
    click(module.ui.segmentButton)
    assert host.until(lambda: "lungs" in module.ui.statusLabel.text)
    assert module.ui.segmentButton.text == "Cancel"
    assert module.ui.progressBar.visible
    click(module.ui.segmentButton)
    assert host.until(idle(module), 5)
    assert module.ui.statusLabel.text == "Cancelled."
    assert result_of(ct).probability_node is None
    assert host.errors == []


def test_dragging_the_threshold_moves_the_mask_and_letting_go_measures(host, segmented, ct):
    from LungTumorSegLib.scene.segments import our_segments

    before = rows(segmented)
    segmented.ui.thresholdSlider.q.valueIsChanging.emit(0.81)
    assert len(our_segments(result_of(ct).segmentation_node)) == 1
    assert rows(segmented) == before
    segmented.ui.thresholdSlider.q.drag(0.7, 0.81)
    assert host.until(idle(segmented))
    assert len(rows(segmented)) == 1
    assert segmented.ui.statusLabel.text == "1 lesion at threshold 0.81."


def test_a_click_on_a_lesion_brings_the_views_there_and_makes_its_line_bold(segmented, ct):
    open_tab(segmented, "Measure")
    click_row(segmented.ui.lesionTable, 1, 2)
    middle = np.mean(result_of(ct).read()[1].long_axis_points_lps, axis=0)
    node = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSliceNode")
    assert node.GetSliceOffset() == pytest.approx(middle[2], abs=1e-6)  # in view already, it is not moved sideways
    widths = [long_line(ct, n).GetDisplayNode().GetLineThickness() for n in (1, 2)]
    assert widths[1] > widths[0]


def test_explain_lays_the_heat_over_the_views_instead(host, segmented, ct):
    click(segmented.ui.explainButton)
    assert host.until(lambda: "Grad-CAM made" in segmented.ui.statusLabel.text)
    composite = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetForegroundVolumeID() == result_of(ct).heat_node.GetID()
    assert segmented.ui.gradCamCheckBox.checked
    assert not segmented.ui.probabilityCheckBox.checked
    tick(segmented.ui.gradCamCheckBox)
    assert not composite.GetForegroundVolumeID()


def test_a_new_segment_shows_its_probability_and_not_the_grad_cam_of_the_last(host, segmented, ct):
    click(segmented.ui.explainButton)
    assert host.until(lambda: segmented.ui.gradCamCheckBox.checked)
    assert host.until(idle(segmented))
    click(segmented.ui.segmentButton)
    assert host.until(lambda: segmented.ui.probabilityCheckBox.checked)
    assert host.until(idle(segmented))
    assert not segmented.ui.gradCamCheckBox.checked
    assert result_of(ct).heat_node is None
    composite = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLSliceCompositeNode")
    assert composite.GetForegroundVolumeID() == result_of(ct).probability_node.GetID()


def test_a_placed_point_adds_a_lesion(host, segmented, ct):
    click(segmented.ui.insideButton)
    segmented.ui.placeWidget.q.click(-30.0, -30.0, 30.0)
    assert not segmented.ui.insideButton.checked
    assert host.until(lambda: segmented.ui.statusLabel.text.startswith("3 lesions"))
    assert host.until(idle(segmented))
    assert len(rows(segmented)) == 3


def test_closing_the_scene_while_the_worker_computes_drops_the_answer(host, module):
    choose(module.ui.modelComboBox, "slow")
    click(module.ui.segmentButton)
    assert host.until(lambda: "lungs" in module.ui.statusLabel.text)
    slicer.mrmlScene.Clear()
    assert host.until(lambda: not module.panel.desk.busy, 10)
    assert host.errors == []
    assert not module.ui.segmentButton.enabled
    assert slicer.mrmlScene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode") == 0


def test_a_dead_worker_is_one_sentence_and_the_next_click_works(host, segmented):
    choose(segmented.ui.modelComboBox, "slow")
    click(segmented.ui.segmentButton)
    assert host.until(lambda: "lungs" in segmented.ui.statusLabel.text)
    segmented.panel._process.child._process.q.kill()
    assert host.until(lambda: bool(host.errors))
    assert host.errors[0][0].startswith("The worker was killed")
    choose(segmented.ui.modelComboBox, "automatic")
    click(segmented.ui.segmentButton)
    assert host.until(lambda: "found" in segmented.ui.statusLabel.text)


def test_a_saved_result_is_taken_up_as_it_is(host, segmented, ct):
    """Coming back to a CT changes none of its nodes."""
    seen = rows(segmented)
    times = [node.GetMTime() for node in (result_of(ct).segmentation_node, result_of(ct).probability_node)]
    parameters = segmented.logic.getParameterNode()
    parameters.ct = None
    assert rows(segmented) == []
    parameters.ct = ct
    assert rows(segmented) == seen
    assert times == [node.GetMTime() for node in (result_of(ct).segmentation_node, result_of(ct).probability_node)]


def test_another_ct_brings_its_own_threshold_and_stays_as_it_was_cut(host, segmented, ct):
    from made_scene import START, add_ct, blobs

    from LungTumorSegLib.scene.segments import read_labels
    from LungTumorSegLib.volume.box import Box

    other = add_ct(slicer.mrmlScene, name="Other")
    result_of(other).show(Box(START, blobs()), 0.3, 1.0, largest_only=True)
    node = result_of(other).segmentation_node
    mask, changed = read_labels(node).values, node.GetMTime()
    ui = segmented.ui
    ui.thresholdSlider.q.drag(0.5, 0.6)  # and it is not measured yet
    segmented.logic.getParameterNode().ct = other
    assert host.until(idle(segmented))
    assert (ui.thresholdSlider.value, ui.smallestSpinBox.value, ui.largestCheckBox.checked) == (0.3, 1.0, True)
    np.testing.assert_array_equal(read_labels(node).values, mask)
    assert node.GetMTime() == changed
    segmented.logic.getParameterNode().ct = ct
    assert host.until(idle(segmented))
    assert (ui.thresholdSlider.value, ui.smallestSpinBox.value, ui.largestCheckBox.checked) == (0.6, 3.0, False)
    assert not segmented.panel.desk.has_edits


def test_the_panel_says_on_every_tab_that_it_is_no_medical_device(segmented):
    for name in ("Segment", "Measure", "Export", "Train"):
        open_tab(segmented, name)
        assert segmented.ui.disclaimerLabel.q.isVisible()
        assert "not a medical device" in segmented.ui.disclaimerLabel.text


def long_line(ct, number):
    from LungTumorSegLib.scene.diameters import diameter_lines

    return diameter_lines(ct)[number, "long"]


def stretch(line):
    """As the mouse does: one end 3 mm on."""
    end = line.GetNthControlPointPositionWorld(1)
    line.SetNthControlPointPositionWorld(1, end[0], end[1] - 3, end[2])


def test_a_dragged_line_is_in_the_table_at_once_and_reset_puts_it_back(segmented, ct, host):
    before = rows(segmented)
    assert not segmented.ui.resetLinesButton.enabled
    stretch(long_line(ct, 1))
    row = rows(segmented)[0]
    assert row[2].split(" × ")[0] == f"{long_line(ct, 1).GetLineLengthWorld():.1f}"
    assert row[-1] == "edited"
    assert segmented.ui.statusLabel.text == "2 lesions, 1 measured by your own lines."
    assert segmented.ui.resetLinesButton.enabled
    open_tab(segmented, "Measure")
    click(segmented.ui.resetLinesButton)
    assert rows(segmented) == before
    assert not segmented.ui.resetLinesButton.enabled
    assert host.errors == []


def test_the_threshold_leaves_a_dragged_line_where_it_is(host, segmented, ct):
    stretch(long_line(ct, 1))
    length = long_line(ct, 1).GetLineLengthWorld()
    segmented.ui.thresholdSlider.value = 0.5
    assert host.until(idle(segmented))
    assert long_line(ct, 1).GetLineLengthWorld() == pytest.approx(length, abs=1e-6)
    assert rows(segmented)[0][2].split(" × ")[0] == f"{length:.1f}"


def test_a_chosen_lesion_is_marked_as_a_node_and_unmarked(segmented, ct):
    open_tab(segmented, "Measure")
    click_row(segmented.ui.lesionTable, 1)
    click(segmented.ui.nodeButton)
    assert [row[-1] for row in rows(segmented)] == ["", "node"]
    click(segmented.ui.nodeButton)
    assert [row[-1] for row in rows(segmented)] == ["", ""]


def test_a_painted_lesion_is_measured_when_the_brush_rests(segmented, ct, host):
    from made_scene import paint

    from LungTumorSegLib.scene import segments

    node = result_of(ct).segmentation_node
    painted = np.zeros((30, 60, 64), np.uint8)
    painted[10:14, 20:30, 20:41] = 1
    paint(node, segments.our_segments(node)[2], ct, painted)
    assert host.until(lambda: rows(segmented)[1][4] == f"{painted.sum() * 0.7 * 0.7 * 1.25 / 1000:.2f}", 5)
    assert [row[0] for row in rows(segmented)] == ["1", "2"]
    assert long_line(ct, 2).GetLineLengthWorld() > 14


def test_a_lesion_removed_in_the_segment_editor_leaves_the_table(segmented, ct):
    from LungTumorSegLib.scene import segments

    node = result_of(ct).segmentation_node
    node.GetSegmentation().RemoveSegment(segments.our_segments(node)[1])
    assert [row[0] for row in rows(segmented)] == ["2"]
