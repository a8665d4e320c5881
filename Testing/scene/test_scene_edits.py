"""No correction is ever lost: what the user painted and erased stays, whatever the model's lesions become."""

import numpy as np
import pytest
import slicer
from made_scene import BOTH, CHANGES, FIRST, LOW, ONE, SECOND, START, ball, blobs, paint, place, segment_array

from LungTumorSegLib.scene import maps, ownership, prompt_nodes, segments, table
from LungTumorSegLib.scene.edits import Edits
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.scene.voxels import Voxels
from LungTumorSegLib.volume.box import EMPTY, Box

FAR = (3, 4, 4)


class Editor:
    """The user at the Segment Editor, on the segments of a result, with its Undo."""

    def __init__(self, result):
        self.result, self.node = result, result.segmentation_node
        self.history = slicer.vtkSegmentationHistory()
        self.history.SetMaximumNumberOfStates(10)
        self.history.SetSegmentation(self.node.GetSegmentation())

    def lesion(self, number) -> np.ndarray:
        ours = segments.our_segments(self.node)
        if number not in ours:
            return np.zeros(self.result.ct.GetImageData().GetDimensions()[::-1], np.uint8)
        return segment_array(self.node, ours[number], self.result.ct)

    def write(self, number, voxels) -> None:
        """One stroke: as every effect, saves the state first."""
        self.history.SaveState()
        paint(self.node, segments.our_segments(self.node)[number], self.result.ct, voxels)

    def paint(self, number, where) -> None:
        voxels = self.lesion(number)
        voxels[where] = 1
        self.write(number, voxels)

    def erase(self, number, where) -> None:
        voxels = self.lesion(number)
        voxels[where] = 0
        self.write(number, voxels)


@pytest.fixture
def editor(result):
    return Editor(result)


@pytest.fixture
def automatic(result):
    """Both lesions without any edit, at a threshold."""
    other = Result(result.scene, result.ct)

    def at(number, threshold):
        before = result.cut.threshold
        result.recompose(threshold, 1.0)
        voxels = Editor(other).lesion(number)
        result.recompose(before, 1.0)
        return voxels

    return at


SPOT = np.s_[10:13, 15:19, 26:30]  # beside the first lesion at BOTH
BITE = np.s_[9:13, 14:17, 17:20]  # in the midst of it


@pytest.mark.parametrize("change", [*CHANGES, "prompt"])
def test_painted_and_erased_voxels_stay(scene, ct, result, editor, change):
    editor.paint(1, SPOT)
    editor.erase(1, BITE)
    editor.paint(2, np.s_[12:14, 30:32, 30:33])
    result.measure()
    if change == "prompt":
        place(scene, ct, FIRST)
        [prompt] = result.follow_prompts()
        result.set_answer(prompt, ball(FIRST, 3.0))
    else:
        CHANGES[change](result)
    assert editor.lesion(1)[SPOT].all()
    assert not editor.lesion(1)[BITE].any()
    assert editor.lesion(2)[12:14, 30:32, 30:33].all()
    assert [lesion.corrected for lesion in result.lesions] == [True, True]


def test_beside_the_edits_the_model_is_followed(result, editor, automatic):
    expected = automatic(1, 0.6)
    editor.paint(1, SPOT)
    editor.erase(1, BITE)
    result.measure()
    result.recompose(0.6, 1.0)
    expected[SPOT], expected[BITE] = 1, 0
    np.testing.assert_array_equal(editor.lesion(1), expected)
    assert [lesion.corrected for lesion in result.lesions] == [True, False]
    assert ownership.owned_one(result.ct, table.ROLE).GetTable().GetColumnByName("Corrected").GetValue(0) == 1


def test_a_stroke_just_before_the_threshold_moves_is_taken(result, editor):
    editor.paint(1, SPOT)
    result.move_threshold(0.6, 1.0)
    result.move_threshold(0.7, 1.0)
    assert editor.lesion(1)[SPOT].all()


def test_voxels_moved_from_one_lesion_to_another_stay_moved(result, editor, automatic):
    core = np.s_[11:14, 25:28, 29:32]
    editor.erase(2, core)
    editor.paint(1, core)
    result.measure()
    result.recompose(LOW, 1.0)
    assert editor.lesion(1)[core].all()
    assert not editor.lesion(2)[core].any()
    result.recompose(BOTH, 1.0)
    result.reset_edits(1)
    np.testing.assert_array_equal(editor.lesion(2), automatic(2, BOTH))


def test_undo_takes_a_stroke_back(result, editor, automatic):
    expected = automatic(1, 0.6)
    editor.paint(1, SPOT)
    result.measure()
    editor.paint(1, BITE)
    editor.erase(1, np.s_[:, :, :17])
    result.measure()
    assert editor.history.RestorePreviousState()
    result.measure()
    assert editor.history.RestorePreviousState()
    result.measure()
    result.recompose(0.6, 1.0)
    expected[SPOT] = 1
    np.testing.assert_array_equal(editor.lesion(1), expected)


def test_undo_of_the_only_stroke_leaves_no_edit(result, editor):
    editor.paint(1, SPOT)
    assert result.measure()[0].corrected
    assert editor.history.RestorePreviousState()
    assert not any(lesion.corrected for lesion in result.measure())
    assert not result.edits


def test_undo_past_a_move_of_the_threshold_is_no_edit(scene, ct, automatic):
    result = Result(scene, ct, lambda node: editor.history.SaveState())
    result._save_undo, saved = lambda node: None, result._save_undo
    result.show(Box(START, blobs()), BOTH, 1.0)
    editor, result._save_undo = Editor(result), saved
    editor.paint(1, SPOT)
    result.measure()
    result.recompose(0.6, 1.0)
    assert editor.history.RestorePreviousState()
    result.measure()
    assert result.cut.threshold == BOTH, "the slider may follow"
    assert len(result.edits.painted) == 3 * 4 * 4
    assert len(result.edits.erased) == 0


def test_edits_are_reset_for_one_lesion_or_all(result, editor, automatic):
    first, second = automatic(1, BOTH), automatic(2, BOTH)
    editor.paint(1, SPOT)
    editor.erase(1, BITE)
    editor.erase(2, np.s_[:, :, 30:])
    result.measure()
    result.reset_edits(1)
    np.testing.assert_array_equal(editor.lesion(1), first)
    assert not editor.lesion(2)[:, :, 30:].any()
    assert [lesion.corrected for lesion in result.lesions] == [False, True]
    result.reset_edits()
    np.testing.assert_array_equal(editor.lesion(2), second)
    result.recompose(0.5, 1.0)
    assert not result.edits


@pytest.mark.parametrize("how", ["segment removed", "all erased"])
def test_a_removed_lesion_comes_back_at_no_threshold(result, editor, how):
    if how == "segment removed":
        node = result.segmentation_node
        node.GetSegmentation().RemoveSegment(segments.our_segments(node)[2])
        result.segments_removed()
    else:
        editor.erase(2, np.s_[:])
        result.measure()
    for threshold in (0.6, LOW, 0.1, BOTH):
        result.recompose(threshold, 1.0)
        assert [lesion.id for lesion in result.lesions] == [1]
        assert not editor.lesion(2).any()
    result.show(Box(START, blobs()), BOTH, 1.0)
    assert [lesion.id for lesion in result.lesions] == [1]
    result.reset_edits()
    assert [lesion.id for lesion in result.lesions] == [1, 2]


def test_a_point_in_a_removed_lesion_brings_it_back(scene, ct, result, editor):
    editor.erase(2, np.s_[:])
    result.measure()
    place(scene, ct, SECOND)
    [prompt] = result.follow_prompts()
    result.set_answer(prompt, ball(SECOND, 2.5))
    assert [lesion.id for lesion in result.lesions] == [1, 2]
    np.testing.assert_array_equal(editor.lesion(2), ball(SECOND, 2.5).full(editor.lesion(2).shape) >= BOTH)


def test_a_completed_segment_is_not_written(result, editor, automatic):
    second = automatic(2, 0.6)
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    segment = result.segmentation_node.GetSegmentation().GetSegment(segments.our_segments(editor.node)[1])
    logic.SetSegmentStatus(segment, logic.Completed)
    before = editor.lesion(1)
    for threshold in (0.6, LOW, ONE, 0.97):
        result.recompose(threshold, 1.0)
        np.testing.assert_array_equal(editor.lesion(1), before)
    result.recompose(0.6, 1.0)
    np.testing.assert_array_equal(editor.lesion(2), second)
    logic.SetSegmentStatus(segment, logic.InProgress)
    result.recompose(ONE, 1.0)
    assert np.count_nonzero(editor.lesion(1)) < np.count_nonzero(before)


def test_a_lesion_that_grows_into_a_completed_one_stays_as_it_was(result, editor):
    logic = slicer.vtkSlicerSegmentationsModuleLogic
    segment = result.segmentation_node.GetSegmentation().GetSegment(segments.our_segments(editor.node)[1])
    logic.SetSegmentStatus(segment, logic.Completed)
    before = editor.lesion(2)
    result.recompose(0.02, 1.0)
    np.testing.assert_array_equal(editor.lesion(2), before)


def test_a_users_own_segment_in_our_node_is_no_edit_and_is_not_written(ct, result, editor):
    mine = result.segmentation_node.GetSegmentation().AddEmptySegment("mine", "mine")
    painted = np.zeros(editor.lesion(1).shape, np.uint8)
    painted[2:5, 30:38, 2:9] = 1
    paint(result.segmentation_node, mine, ct, painted)
    result.measure()
    result.recompose(0.6, 1.0)
    np.testing.assert_array_equal(segment_array(result.segmentation_node, mine, ct), painted)
    assert not result.edits


def test_a_stroke_on_another_grid_is_taken(ct, result, editor):
    """The user chose a finer grid in the Segment Editor: Slicer resamples the segments."""
    node = result.segmentation_node
    before = editor.lesion(1)
    fine = slicer.vtkOrientedImageData()
    image = node.GetSegmentation().GetSegment(segments.our_segments(node)[1]).GetRepresentation(segments.LABELMAP)
    grid = slicer.vtkOrientedImageData()
    grid.DeepCopy(image)
    grid.SetSpacing(*(mm / 2 for mm in image.GetSpacing()))
    low, high = np.reshape(image.GetExtent(), (3, 2)).T
    grid.SetExtent(*np.stack([low * 2, high * 2 + 1], axis=1).ravel().tolist())
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(image, grid, fine)
    for segment_id in segments.our_segments(node).values():
        node.GetSegmentation().GetSegment(segment_id).AddRepresentation(segments.LABELMAP, fine)
    result.measure()
    assert not result.edits
    result.recompose(BOTH, 1.0)
    np.testing.assert_array_equal(editor.lesion(1), before)


def test_a_prompts_lesion_is_replaced_and_comes_back_when_the_prompt_is_deleted(scene, ct, result, editor, automatic):
    first = automatic(1, BOTH)
    place(scene, ct, FIRST)
    [prompt] = result.follow_prompts()
    result.set_answer(prompt, ball(FIRST, 3.0))
    assert [lesion.id for lesion in result.lesions] == [1, 2], "it keeps its number"
    np.testing.assert_array_equal(editor.lesion(1), ball(FIRST, 3.0).full(first.shape) >= BOTH)
    prompt_nodes.points_inside(scene, ct).RemoveNthControlPoint(0)
    assert result.follow_prompts() == []
    np.testing.assert_array_equal(editor.lesion(1), first)
    np.testing.assert_array_equal(
        slicer.util.arrayFromVolume(result.probability_node), Box(START, blobs()).full(first.shape)
    )


def test_a_lesion_taken_away_comes_back_when_its_point_is_deleted(scene, ct, result):
    place(scene, ct, SECOND, inside=False)
    assert result.follow_prompts() == []
    assert [lesion.id for lesion in result.lesions] == [1]
    assert slicer.util.arrayFromVolume(result.probability_node)[SECOND] == 0
    result.recompose(LOW, 1.0)
    assert [lesion.id for lesion in result.lesions] == [1]
    result.recompose(BOTH, 1.0)
    prompt_nodes.points_outside(scene, ct).RemoveNthControlPoint(0)
    result.follow_prompts()
    assert [lesion.id for lesion in result.lesions] == [1, 2]


def test_a_new_segment_keeps_prompts_and_what_was_taken_away(scene, ct, result):
    place(scene, ct, FAR)
    place(scene, ct, SECOND, inside=False)
    [prompt] = result.follow_prompts()
    result.set_answer(prompt, ball(FAR, 2.0))
    assert [lesion.id for lesion in result.lesions] == [1, 3]
    result.show(Box(START, blobs()), BOTH, 1.0)
    assert [lesion.id for lesion in result.lesions] == [1, 3]
    result.show(EMPTY, BOTH, 1.0)
    assert [lesion.id for lesion in result.lesions] == [3]


def test_an_answer_to_a_deleted_prompt_changes_nothing(scene, ct, result):
    place(scene, ct, FAR)
    [prompt] = result.follow_prompts()
    prompt_nodes.points_inside(scene, ct).RemoveAllControlPoints()
    before = slicer.util.arrayFromVolume(result.probability_node).copy()
    result.set_answer(prompt, ball(FAR, 2.0))
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(result.probability_node), before)
    assert [lesion.id for lesion in result.lesions] == [1, 2]


def test_a_small_lesion_that_was_asked_for_is_shown(scene, ct, result):
    place(scene, ct, FAR)
    [prompt] = result.follow_prompts()
    result.recompose(BOTH, 5.0)
    result.set_answer(prompt, ball(FAR, 1.0))
    assert [lesion.id for lesion in result.lesions] == [1, 3]
    result.recompose(BOTH, 5.0, largest_only=True)
    assert [lesion.id for lesion in result.lesions] == [1, 3]


def test_largest_only_keeps_the_models_largest(result):
    result.recompose(BOTH, 1.0, largest_only=True)
    assert [lesion.id for lesion in result.lesions] == [1]
    result.recompose(BOTH, 1.0)
    assert [lesion.id for lesion in result.lesions] == [1, 2]


def test_many_prompts_and_edits_leave_no_node_behind(scene, ct, result, editor):
    def names():
        return sorted(scene.GetNthNode(n).GetClassName() for n in range(scene.GetNumberOfNodes()))

    prompt_nodes.points_inside(scene, ct), prompt_nodes.points_outside(scene, ct)
    before = names()
    for n in range(5):
        place(scene, ct, FAR)
        place(scene, ct, SECOND, inside=False)
        [prompt] = result.follow_prompts()
        result.set_answer(prompt, ball(FAR, 2.0))
        editor.paint(1, SPOT) if n % 2 else editor.erase(1, SPOT)
        result.measure()
        prompt_nodes.points_inside(scene, ct).RemoveAllControlPoints()
        prompt_nodes.points_outside(scene, ct).RemoveAllControlPoints()
        result.follow_prompts()
    result.reset_edits()
    assert names() == before


def test_hidden_nodes_are_in_no_list_of_volumes(scene, ct, result):
    place(scene, ct, FAR)
    [prompt] = result.follow_prompts()
    result.set_answer(prompt, ball(FAR, 2.0))
    count = scene.GetNumberOfNodesByClass("vtkMRMLScalarVolumeNode")
    volumes = [scene.GetNthNodeByClass(n, "vtkMRMLScalarVolumeNode") for n in range(count)]
    seen = [node for node in volumes if not node.GetHideFromEditors()]
    assert {node.GetID() for node in seen} == {ct.GetID(), result.probability_node.GetID()}
    assert count == 4


def test_a_surface_follows_a_prompt(scene, ct, result):
    segments.show_surface(result.segmentation_node, True)
    place(scene, ct, FAR)
    [prompt] = result.follow_prompts()
    result.set_answer(prompt, ball(FAR, 2.0))
    assert segments.has_surface(result.segmentation_node)
    surface = slicer.vtkSegmentationConverter  # each lesion has one
    for segment_id in segments.our_segments(result.segmentation_node).values():
        segment = result.segmentation_node.GetSegmentation().GetSegment(segment_id)
        name = surface.GetSegmentationClosedSurfaceRepresentationName()
        assert segment.GetRepresentation(name).GetNumberOfPoints() > 0


def test_the_map_of_an_earlier_version_is_taken_for_the_automatic_answer(scene, ct):
    """Such a scene has no hidden nodes."""
    maps.show_map(scene, ct, maps.PROBABILITY, Box(START, blobs()))
    result = Result(scene, ct)
    result.recompose(BOTH, 1.0)
    place(scene, ct, FIRST)
    [prompt] = result.follow_prompts()
    result.set_answer(prompt, ball(FIRST, 3.0))
    result.drop_prompt(prompt.key)
    assert slicer.util.arrayFromVolume(result.probability_node)[FIRST] == 1.0


def test_a_stroke_made_without_us_is_taken_later(scene, ct, result, editor):
    """The panel was closed, or the scene was saved at once: what we wrote is known from the scene."""
    editor.paint(1, SPOT)
    fresh = Result(scene, ct)
    assert [lesion.corrected for lesion in fresh.read()] == [True, False]
    fresh.recompose(0.6, 1.0)
    assert editor.lesion(1)[SPOT].all()


def test_measuring_in_steps_is_measuring(result):
    before = list(result.lesions)
    result.move_threshold(0.6, 1.0)
    steps = result.measuring()
    next(steps)
    assert result.lesions == before, "nothing is seen before the last step"
    list(steps)
    stepwise = list(result.lesions)
    assert stepwise != before
    assert result.measure() == stepwise


SHAPE = (5, 6, 7)


def voxels(**lesions) -> Voxels:
    where, lesion = zip(*sorted((int(name[1:]), number) for name, number in lesions.items()), strict=True)
    return Voxels(SHAPE, np.array(where, np.int64), np.array(lesion, np.uint16))


def test_labelled_voxels_survive_as_text():
    labels = np.random.default_rng(0).integers(0, 3, SHAPE).astype(np.uint16)
    for values in (labels, labels * 0, labels * 0 + 9):
        some = Voxels.of(SHAPE, [Box((0, 0, 0), values)])
        assert Voxels.from_text(SHAPE, some.as_text()).same(some)
        np.testing.assert_array_equal(some.within((slice(0, 5), slice(0, 6), slice(0, 7))).values, values)


def test_edits_of_edits():
    none = Edits.none(SHAPE)
    written = voxels(v1=1, v2=1, v3=2)
    painted = none.after(written, voxels(v1=1, v2=2, v3=2, v9=1))
    assert painted.painted.same(voxels(v2=2, v9=1))
    assert painted.erased.same(voxels(v2=1))
    assert painted.corrected == {1, 2}
    assert painted.without([2]).painted.same(voxels(v9=1))
    assert not len(painted.without([2]).erased)
    again = painted.after(voxels(v1=1, v2=2, v3=2, v9=1), voxels(v1=1, v2=2))
    assert again.painted.same(voxels(v2=2))
    assert again.erased.same(voxels(v2=1, v3=2, v9=1))
    assert again.removed == frozenset()
    assert again.after(voxels(v1=1, v2=2), voxels(v2=2)).removed == {1}
