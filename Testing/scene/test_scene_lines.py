"""Lines are the user's: what is moved stays moved, is in the table, and is saved; what is deleted is gone."""

import numpy as np
import pytest
import slicer
from made_scene import BOTH, ONE, START, add_ct, blobs, parent_transform

from LungTumorSegLib.scene import ownership, segments, table
from LungTumorSegLib.scene.diameters import diameter_lines
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.scene.volumes import geometry_of
from LungTumorSegLib.scene.watching import Watch
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import to_ras


@pytest.fixture
def heard(result):
    """What the host is told, and the watch that tells."""
    calls = []
    watch = Watch(result, lambda: calls.append("changed"), lambda: calls.append("painted"))
    yield calls
    watch.stop()


def ends(line):
    return np.array([line.GetNthControlPointPositionWorld(n) for n in range(2)])


def move(line, by=(0, -3, 0), point=1):
    """As the mouse does: one end elsewhere. Returns where the ends are then."""
    line.SetNthControlPointPositionWorld(point, *(ends(line)[point] + by))
    return ends(line)


def cell(ct, row, title):
    return ownership.owned_one(ct, table.ROLE).GetTable().GetColumnByName(title).GetValue(row)


def test_a_moved_end_is_in_the_table_at_once_and_marked(result, ct, heard):
    line = diameter_lines(ct)[1, "long"]
    move(line)
    length = line.GetLineLengthWorld()
    assert heard == ["changed"]
    assert [lesion.edited for lesion in result.lesions] == [True, False]
    assert result.lesions[0].long_axis_mm == pytest.approx(length, abs=1e-9)
    assert result.lesions[0].long_axis_interval_mm is None
    np.testing.assert_allclose(to_ras(result.lesions[0].long_axis_points_lps), ends(line), atol=1e-9)
    assert cell(ct, 0, "Long axis") == pytest.approx(length, abs=1e-9)
    assert [cell(ct, row, "Edited") for row in range(2)] == [1, 0]


def test_what_stands_at_a_line_is_its_lesion_and_millimetres(scene, result, ct):
    other = add_ct(scene)
    Result(scene, other).show(Box(START, blobs()), BOTH, 1.0)
    for at in (ct, other):
        line = diameter_lines(at)[1, "long"]
        assert line.GetName() == "Tumour 1 long"
        assert line.GetPropertiesLabelText().strip() == f"{line.GetLineLengthWorld():.1f} mm"


def test_lines_are_called_as_their_segments_but_where_the_user_named_them(result, ct):
    diameter_lines(ct)[1, "short"].SetName("across the hilum")
    segments.say_classes(result.segmentation_node, ["left lung"])
    result.measure()
    names = {key: line.GetName() for key, line in diameter_lines(ct).items()}
    assert names == {
        (1, "long"): "left lung 1 long",
        (1, "short"): "across the hilum",
        (2, "long"): "left lung 2 long",
        (2, "short"): "left lung 2 short",
    }


@pytest.mark.parametrize("moved", [False, True])
def test_measuring_again_never_moves_an_edited_line(scene, ct, moved):
    if moved:
        parent_transform(scene, ct)
    result = Result(scene, ct)
    result.show(Box(START, blobs()), BOTH, 1.0)
    drawn = move(diameter_lines(ct)[1, "long"])
    for threshold in (0.5, 0.45, 0.6):
        result.move_threshold(threshold, 1.0)
        lesions = result.measure()
        np.testing.assert_allclose(ends(diameter_lines(ct)[1, "long"]), drawn, atol=1e-6)
        assert lesions[0].edited
        assert lesions[0].long_axis_mm == pytest.approx(np.linalg.norm(drawn[1] - drawn[0]), abs=1e-6)
    result.show(Box(START, blobs()), BOTH, 1.0)  # segmented anew
    np.testing.assert_allclose(ends(diameter_lines(ct)[1, "long"]), drawn, atol=1e-6)


def test_an_edited_line_goes_with_the_ct_when_it_is_moved(scene, result, ct):
    drawn = geometry_of(ct).lps_to_ijk(to_ras(move(diameter_lines(ct)[1, "long"])))
    result.measure()
    parent_transform(scene, ct)
    result.measure()
    now = geometry_of(ct).lps_to_ijk(to_ras(ends(diameter_lines(ct)[1, "long"])))
    np.testing.assert_allclose(now, drawn, atol=1e-6)
    assert [lesion.edited for lesion in result.lesions] == [True, False]
    slicer.vtkSlicerTransformLogic.hardenTransform(ct)
    result.measure()
    now = geometry_of(ct).lps_to_ijk(to_ras(ends(diameter_lines(ct)[1, "long"])))
    np.testing.assert_allclose(now, drawn, atol=1e-6)
    assert [lesion.edited for lesion in result.lesions] == [True, False]


def test_the_short_axis_follows_a_long_axis_that_the_user_drew(result, ct, heard):
    before = result.lesions[0]
    move(diameter_lines(ct)[1, "long"], by=(2.5, -2.5, 0))
    lesion = result.lesions[0]
    long, short = (np.subtract(*getattr(lesion, f"{axis}_axis_points_lps")) for axis in ("long", "short"))
    assert abs(long @ short) < 1e-6
    assert lesion.slice == before.slice
    np.testing.assert_allclose(ends(diameter_lines(ct)[1, "short"]), to_ras(lesion.short_axis_points_lps), atol=1e-9)
    assert 0 < lesion.short_axis_mm <= lesion.long_axis_mm


def test_a_short_axis_that_the_user_drew_stays_when_the_long_one_moves(result, ct, heard):
    drawn = move(diameter_lines(ct)[1, "short"], by=(0.5, 0, 0))
    assert result.lesions[0].short_axis_mm == pytest.approx(np.linalg.norm(drawn[1] - drawn[0]), abs=1e-9)
    move(diameter_lines(ct)[1, "long"])
    np.testing.assert_allclose(ends(diameter_lines(ct)[1, "short"]), drawn, atol=1e-9)
    assert heard == ["changed", "changed"]


def test_a_long_axis_out_of_its_slice_leaves_the_short_one_alone(result, ct, heard):
    before = result.lesions[0]
    move(diameter_lines(ct)[1, "long"], by=(0, 0, 6))
    assert result.lesions[0].short_axis_mm == before.short_axis_mm
    assert result.lesions[0].long_axis_mm > before.long_axis_mm
    assert result.lesions[0].slice == before.slice + 2  # the slice of the line's middle, 3 mm up


def test_reset_puts_the_lines_back(result, ct, heard):
    before = list(result.lesions)
    measured = ends(diameter_lines(ct)[2, "long"])
    move(diameter_lines(ct)[1, "long"])
    move(diameter_lines(ct)[2, "long"])
    result.reset_lines(2)
    assert [lesion.edited for lesion in result.lesions] == [True, False]
    np.testing.assert_allclose(ends(diameter_lines(ct)[2, "long"]), measured, atol=1e-9)
    assert result.reset_lines() == before


def test_a_lesion_that_the_user_removes_takes_its_lines_row_and_marks(result, ct, heard):
    move(diameter_lines(ct)[2, "long"])
    result.segmentation_node.GetSegmentation().RemoveSegment(segments.our_segments(result.segmentation_node)[2])
    assert heard[-1] == "changed"
    assert [lesion.id for lesion in result.lesions] == [1]
    assert sorted(diameter_lines(ct)) == [(1, "long"), (1, "short")]
    assert ownership.owned_one(ct, table.ROLE).GetNumberOfRows() == 1
    result.show(Box(START, blobs()), BOTH, 1.0)
    assert [lesion.id for lesion in result.lesions] == [1], "the user removed it: it stays removed"
    result.reset_edits()
    assert [(lesion.id, lesion.edited) for lesion in result.lesions] == [(1, False), (2, False)]


def test_a_lesion_that_the_threshold_removed_comes_back_with_its_line(result, ct):
    drawn = move(diameter_lines(ct)[2, "long"])
    result.mark_node(2, True)
    result.move_threshold(ONE, 1.0)
    assert [lesion.id for lesion in result.measure()] == [1]
    assert sorted(diameter_lines(ct)) == [(1, "long"), (1, "short")]
    result.move_threshold(BOTH, 1.0)
    lesion = result.measure()[1]
    assert (lesion.id, lesion.edited, lesion.node) == (2, True, True)
    np.testing.assert_allclose(ends(diameter_lines(ct)[2, "long"]), drawn, atol=1e-6)


def test_a_line_that_the_user_deletes_gives_the_measured_value_back(scene, result, ct, heard):
    before = list(result.lesions)
    line = diameter_lines(ct)[1, "long"]
    move(line)
    scene.RemoveNode(line)
    assert heard == ["changed", "changed"]
    assert result.lesions == before
    assert (1, "long") not in diameter_lines(ct)
    result.measure()
    assert diameter_lines(ct)[1, "long"].GetLineLengthWorld() == pytest.approx(before[0].long_axis_mm, abs=1e-9)


def test_a_line_without_one_of_its_ends_is_no_measurement(result, ct, heard):
    before = list(result.lesions)
    diameter_lines(ct)[1, "long"].RemoveNthControlPoint(1)
    assert heard == []
    assert result.measure() == before
    assert diameter_lines(ct)[1, "long"].GetLineLengthWorld() == pytest.approx(before[0].long_axis_mm, abs=1e-9)


def test_our_own_changes_are_not_taken_for_the_users(scene, result, ct, heard):
    result.move_threshold(0.5, 1.0)
    result.measure()
    result.show(Box(START, blobs()), BOTH, 1.0)
    result.show(Box(START, blobs()), ONE, 1.0)
    parent_transform(scene, ct)
    result.measure()
    assert heard == []
    assert not any(lesion.edited for lesion in result.lesions)


def test_a_painted_segment_is_told_and_keeps_its_number(result, ct, heard):
    from made_scene import paint

    corrected = np.zeros(ct.GetImageData().GetDimensions()[::-1], np.uint8)
    corrected[10:14, 24:30, 28:35] = 1
    paint(result.segmentation_node, segments.our_segments(result.segmentation_node)[2], ct, corrected)
    assert "painted" in heard
    lesions = result.measure()
    assert [lesion.id for lesion in lesions] == [1, 2]
    assert lesions[1].voxel_count == 4 * 6 * 7


def test_a_watch_that_stopped_hears_nothing(scene, result, ct):
    calls = []
    watch = Watch(result, lambda: calls.append(1), lambda: calls.append(1))
    watch.stop()
    move(diameter_lines(ct)[1, "long"])
    scene.RemoveNode(diameter_lines(ct)[2, "long"])
    assert calls == []


def test_a_node_counts_by_its_short_axis(result, ct):
    assert not result.lesions[0].node
    lesions = result.mark_node(1, True)
    assert lesions[0].node
    assert not lesions[0].measurable  # 9.7 mm, below 15
    assert cell(ct, 0, "Node") == 1
    assert result.measure()[0].node


def test_each_ct_hears_of_its_own_lines(scene, ct, result, heard):
    other = add_ct(scene, name="CT")
    theirs = Result(scene, other)
    theirs.show(Box(START, blobs()), BOTH, 1.0)
    move(diameter_lines(other)[1, "long"])
    scene.RemoveNode(diameter_lines(other)[2, "long"])
    assert heard == []
    assert not result.lesions[0].edited


def test_a_line_moved_in_a_result_that_was_not_looked_at_yet_leaves_the_others(scene, ct, result):
    fresh = Result(scene, ct)
    watch = Watch(fresh, lambda: None, lambda: None)
    move(diameter_lines(ct)[1, "long"])
    watch.stop()
    assert len(diameter_lines(ct)) == 4
    assert [lesion.edited for lesion in fresh.lesions] == [True, False]


def test_a_segment_that_is_called_or_coloured_otherwise_was_not_painted(result, heard):
    node = result.segmentation_node
    segment = node.GetSegmentation().GetSegment(segments.our_segments(node)[1])
    segment.SetName("the one at the hilum")
    segment.SetColor(1, 0, 0)
    result.show_surface(True)
    node.GetSegmentation().InvokeEvent(slicer.vtkSegmentation.SegmentModified)
    assert heard == []
