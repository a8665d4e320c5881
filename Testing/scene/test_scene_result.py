"""One prediction in the scene, then the next: made once, filled again, nothing left behind."""

import numpy as np
import pytest
import slicer
from made_scene import BOTH, ONE, START, add_ct, blobs, paint, parent_transform, segment_array

from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.measurement.lung_fields import find_lung_fields
from LungTumorSegLib.measurement.measure import measure
from LungTumorSegLib.scene import ownership, segments, table, views
from LungTumorSegLib.scene.diameters import diameter_lines
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.scene.volumes import geometry_of
from LungTumorSegLib.volume.box import EMPTY, Box
from LungTumorSegLib.volume.geometry import to_ras


def expected(ct, threshold):
    box = geometry_of(ct).box(START, tuple(np.add(START, blobs().shape)))
    voxels = slicer.util.arrayFromVolume(ct)
    hu = voxels[tuple(slice(a, a + n) for a, n in zip(START, blobs().shape, strict=True))]
    lungs = find_lung_fields(voxels, geometry_of(ct))
    return measure(lesion_labels(blobs(), box, threshold, 1.0), box, blobs(), START, hu, lungs)


def assert_same(found, expected):
    """The same measures, but for the order in which coordinates are added up: 1e-9 mm."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert flat(one) == pytest.approx(flat(other), abs=1e-9)


def flat(lesion) -> dict:
    """Every number of a lesion by a name of its own."""
    return {
        f"{name} {n}": value
        for name, field in lesion.as_dict().items()
        for n, value in enumerate(np.ravel(field).tolist() if isinstance(field, tuple) else [field])
    }


def nodes_by_class(scene) -> dict[str, int]:
    names = [scene.GetNthNode(n).GetClassName() for n in range(scene.GetNumberOfNodes())]
    return {name: names.count(name) for name in sorted(set(names))}


def test_the_first_result_makes_map_segments_diameters_and_table(result, ct):
    assert_same(result.lesions, expected(ct, BOTH))
    assert len(result.lesions) == 2
    assert len(segments.our_segments(result.segmentation_node)) == 2
    assert sorted(diameter_lines(ct)) == [(1, "long"), (1, "short"), (2, "long"), (2, "short")]
    assert result.probability_node is not None


@pytest.mark.parametrize("moved", [False, True])
def test_the_lines_show_the_measured_millimetres_where_the_views_show_the_lesion(scene, ct, moved):
    if moved:
        parent_transform(scene, ct)
    result = Result(scene, ct)
    for lesion in result.show(Box(START, blobs()), BOTH, 1.0):
        line = diameter_lines(ct)[lesion.id, "long"]
        assert line.GetLineLengthWorld() == pytest.approx(lesion.long_axis_mm, abs=1e-9)
        assert line.GetMeasurement("length").GetValueWithUnitsAsPrintableString() == f"{lesion.long_axis_mm:.1f} mm"
        ends = [line.GetNthControlPointPositionWorld(n) for n in range(2)]
        np.testing.assert_allclose(ends, to_ras(lesion.long_axis_points_lps), atol=1e-9)


def test_the_table_has_a_row_a_lesion_with_types_and_units(result, ct):
    node = ownership.owned_one(ct, table.ROLE)
    lesion = result.lesions[0]
    assert node.GetNumberOfRows() == 2
    assert [node.GetColumnName(n) for n in range(node.GetNumberOfColumns())] == [c[0] for c in table.COLUMNS]
    assert node.GetTable().GetColumnByName("Long axis").GetValue(0) == lesion.long_axis_mm
    assert node.GetTable().GetColumnByName("Lesion").GetDataTypeAsString() == "int"
    assert node.GetColumnUnitLabel("Volume") == "mL"
    assert node.GetTable().GetColumnByName("Slice").GetValue(0) == lesion.slice


def test_twenty_results_leave_as_many_nodes_as_one(scene, ct, result):
    result.show_heat(Box(START, blobs()))
    before = nodes_by_class(scene)
    for n in range(20):
        result.show(Box(START, blobs()), ONE if n % 2 else BOTH, 1.0)
        result.show_heat(Box(START, blobs()))
    result.show(Box(START, blobs()), BOTH, 1.0)
    result.show_heat(Box(START, blobs()))
    assert nodes_by_class(scene) == before


def test_diameters_of_vanished_lesions_go_with_their_display_nodes(scene, ct, result):
    shown = nodes_by_class(scene)["vtkMRMLMarkupsDisplayNode"]
    result.show(Box(START, blobs()), ONE, 1.0)
    assert sorted(diameter_lines(ct)) == [(1, "long"), (1, "short")]
    assert nodes_by_class(scene)["vtkMRMLMarkupsDisplayNode"] == shown - 2


def test_dragging_moves_segments_alone_and_resting_measures(scene, ct, result):
    before = result.lesions
    result.move_threshold(ONE, 1.0)
    assert len(segments.our_segments(result.segmentation_node)) == 1
    assert len(diameter_lines(ct)) == 4
    assert result.lesions is before
    assert_same(result.measure(), expected(ct, ONE))
    assert len(diameter_lines(ct)) == 2


def test_the_surface_is_dropped_while_dragging_and_built_again_at_rest(result):
    node = result.segmentation_node
    segments.show_surface(node, True)
    result.move_threshold(0.5, 1.0)
    result.move_threshold(0.6, 1.0)
    assert not segments.has_surface(node)
    result.measure()
    assert segments.has_surface(node)


def test_undo_is_saved_once_a_drag_before_anything_changes(scene, ct):
    history = slicer.vtkSegmentationHistory()
    saved = []

    def save(node):
        history.SetSegmentation(node.GetSegmentation())
        history.SetMaximumNumberOfStates(10)
        saved.append(history.SaveState())

    result = Result(scene, ct, save)
    result.show(Box(START, blobs()), BOTH, 1.0)
    for threshold in (0.5, 0.6, 0.7, ONE):
        result.move_threshold(threshold, 1.0)
    result.measure()
    assert saved == [True, True]
    assert history.RestorePreviousState()
    assert len(segments.our_segments(result.segmentation_node)) == 2


def test_a_painted_correction_is_measured_and_survives_a_look(scene, ct, result):
    segment_id = segments.our_segments(result.segmentation_node)[2]
    corrected = np.zeros(ct.GetImageData().GetDimensions()[::-1], np.uint8)
    corrected[10:14, 24:30, 28:35] = 1
    paint(result.segmentation_node, segment_id, ct, corrected)
    seen = Result(scene, ct).read()
    assert [lesion.id for lesion in seen] == [1, 2]
    assert seen[1].voxel_count == 4 * 6 * 7
    np.testing.assert_array_equal(segment_array(result.segmentation_node, segment_id, ct), corrected)
    assert result.measure() == seen
    assert diameter_lines(ct)[2, "long"].GetLineLengthWorld() == pytest.approx(seen[1].long_axis_mm, abs=1e-9)


def test_no_lesion_is_a_result_too(scene, ct, result):
    assert result.show(EMPTY, BOTH, 1.0) == []
    assert diameter_lines(ct) == {}
    assert segments.our_segments(result.segmentation_node) == {}


def test_each_ct_has_its_own_result(scene, ct, result):
    other = add_ct(scene, name="CT")
    Result(scene, other).show(Box(START, blobs()), ONE, 1.0)
    assert len(diameter_lines(ct)) == 4
    assert len(diameter_lines(other)) == 2


def test_a_deleted_node_is_made_again(scene, ct, result):
    scene.RemoveNode(result.segmentation_node)
    scene.RemoveNode(result.probability_node)
    result.show(Box(START, blobs()), BOTH, 1.0)
    assert len(segments.our_segments(result.segmentation_node)) == 2


def test_the_views_hear_of_it_once(scene, ct):
    """Nodes come in a batch: displayable managers look at the scene again at its end."""
    ends = []
    scene.AddObserver(scene.EndBatchProcessEvent, lambda *_: ends.append(1))
    Result(scene, ct).show(Box(START, blobs()), BOTH, 1.0)
    assert ends == [1]


@pytest.fixture
def composite(scene):
    return scene.AddNewNodeByClass("vtkMRMLSliceCompositeNode")


def test_the_overlay_gives_the_foreground_back(scene, ct, result, composite):
    theirs = add_ct(scene, name="PET")
    composite.SetForegroundVolumeID(theirs.GetID())
    composite.SetForegroundOpacity(0.3)
    assert views.composite_nodes(scene) == [composite]
    views.show_overlay([composite], result.probability_node, 0.6)
    views.show_overlay([composite], result.show_heat(Box(START, blobs())), 0.5)
    assert composite.GetForegroundVolumeID() == result.heat_node.GetID()
    assert composite.GetForegroundOpacity() == 0.5
    views.show_overlay([composite], None, 0.0)
    assert composite.GetForegroundVolumeID() == theirs.GetID()
    assert composite.GetForegroundOpacity() == 0.3


def test_switching_off_an_overlay_that_is_not_ours_changes_nothing(scene, ct, composite):
    composite.SetForegroundVolumeID(ct.GetID())
    composite.SetForegroundOpacity(0.7)
    views.show_overlay([composite], None, 0.0)
    assert (composite.GetForegroundVolumeID(), composite.GetForegroundOpacity()) == (ct.GetID(), 0.7)


@pytest.mark.parametrize(("field_mm", "moved"), [(400.0, False), (4.0, True)])
def test_a_jump_cuts_every_view_at_the_lesion_and_moves_only_those_that_would_not_show_it(
    scene, ct, result, field_mm, moved
):
    node = scene.AddNewNodeByClass("vtkMRMLSliceNode")
    node.SetOrientationToAxial()
    node.SetDimensions(300, 300, 1)
    node.SetFieldOfView(field_mm, field_mm, 1.0)
    at = to_ras(result.lesions[0].centre_lps)
    node.JumpSliceByCentering(at[0] + 20, at[1], at[2] + 20)
    views.jump(views.slice_nodes(scene), result.lesions[0].centre_lps)
    middle = [node.GetSliceToRAS().GetElement(n, 3) for n in range(3)]
    np.testing.assert_allclose(middle, at if moved else [at[0] + 20, at[1], at[2]], atol=1e-9)


def test_every_move_of_the_threshold_has_the_slice_views_draw_anew(result):
    told, segmentation = [], result.segmentation_node.GetSegmentation()
    segmentation.AddObserver(segmentation.RepresentationModified, lambda *_: told.append(len(told)))
    for count, threshold in enumerate((0.45, 0.5, 0.55), start=1):
        result.move_threshold(threshold, 1.0)
        assert len(told) >= count
