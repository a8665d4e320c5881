"""A lesion that nobody found: begun without a voxel, painted by hand, kept as any other."""

import numpy as np
import pytest
from made_scene import BOTH, CHANGES, ONE, START, blobs, paint, segment_array

from LungTumorSegLib.scene import segments
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.volume.box import Box

SPOT = np.s_[4:8, 30:34, 5:10]  # far from both blobs


def fill(result, number, where=SPOT):
    """The user's brush."""
    voxels = np.zeros(result.ct.GetImageData().GetDimensions()[::-1], np.uint8)
    voxels[where] = 1
    paint(result.segmentation_node, segments.our_segments(result.segmentation_node)[number], result.ct, voxels)


def lesion(result, number):
    node = result.segmentation_node
    return segment_array(node, segments.our_segments(node)[number], result.ct)


def test_a_new_lesion_has_the_next_number_and_is_no_correction_while_it_is_empty(result):
    assert result.begin_lesion() == 3
    assert [lesion.id for lesion in result.measure()] == [1, 2]
    assert not result.edits
    assert result.begin_lesion() == 3, "the empty one is given again"


def test_what_is_painted_is_measured_and_counts_as_painted_by_hand(result):
    number = result.begin_lesion()
    fill(result, number)
    painted = result.measure()[-1]
    assert (painted.id, painted.voxel_count, painted.corrected) == (3, 80, True)
    assert painted.long_axis_mm == pytest.approx(np.hypot(4 * 0.7, 3 * 0.7), abs=0.71)
    assert result.begin_lesion() == 4


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_painted_stays_whatever_the_models_lesions_become(result, change):
    fill(result, result.begin_lesion())
    result.measure()
    CHANGES[change](result)
    expected = np.zeros_like(lesion(result, 3))
    expected[SPOT] = 1
    np.testing.assert_array_equal(lesion(result, 3), expected)
    assert 3 in [found.id for found in result.lesions]


def test_an_empty_lesion_waits_while_the_threshold_moves_and_its_number_is_given_to_no_other(scene, ct):
    result = Result(scene, ct)
    assert [found.id for found in result.show(Box(START, blobs()), ONE, 1.0)] == [1]
    assert result.begin_lesion() == 2
    result.move_threshold(BOTH, 1.0)
    assert [found.id for found in result.measure()] == [1, 3]
    assert not lesion(result, 2).any()
    fill(result, 2)
    assert [(found.id, found.corrected) for found in result.measure()] == [(1, False), (2, True), (3, False)]


def test_reset_takes_the_painted_lesion_away(result):
    fill(result, result.begin_lesion())
    result.measure()
    result.reset_edits()
    assert [found.id for found in result.lesions] == [1, 2]
    assert set(segments.our_segments(result.segmentation_node)) == {1, 2}
    assert result.begin_lesion() == 4


def test_a_lesion_is_painted_where_no_model_was_asked(scene, ct):
    result = Result(scene, ct)
    assert result.begin_lesion() == 1
    fill(result, 1)
    assert [found.id for found in result.measure()] == [1]
    result.show(Box(START, blobs()), BOTH, 1.0)
    assert sorted(found.id for found in result.lesions) == [1, 2, 3]
    assert lesion(result, 1)[SPOT].all()


def test_surfaces_are_built_beside_an_empty_lesion(result):
    result.begin_lesion()
    segments.show_surface(result.segmentation_node, True)
    assert segments.has_surface(result.segmentation_node)
    surface = (
        result.segmentation_node.GetSegmentation().GetSegment("LungTumorSeg_1").GetRepresentation(segments.SURFACE)
    )
    assert surface.GetNumberOfPoints() > 100


def test_what_was_painted_comes_back_with_a_saved_scene(scene, result, tmp_path):
    fill(result, result.begin_lesion())
    result.measure()
    assert result.begin_lesion() == 4, "an empty one beside it"
    expected = {found.id: found.voxel_count for found in result.lesions}
    assert scene.WriteToMRB(str(tmp_path / "scene.mrb"))
    name = result.ct.GetName()
    scene.Clear()
    assert scene.ReadFromMRB(str(tmp_path / "scene.mrb"))
    loaded = Result(scene, scene.GetFirstNodeByName(name))
    assert {found.id: found.voxel_count for found in loaded.read()} == expected
    loaded.recompose(0.6, 1.0)
    assert {found.id: found.voxel_count for found in loaded.lesions}[3] == 80
