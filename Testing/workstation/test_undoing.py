"""Threshold, brush and Undo in one another's way: no stroke is lost, and what the threshold did is nobody's edit."""

import numpy as np
import pytest
from undo_stack import UndoStack

from LungTumorSegLib.scene import segments
from LungTumorSegLib.scene.cut import Cut
from LungTumorSegLib.web.undo import ChangeOfOurs
from LungTumorSegLib.workstation.measuring import Measuring

SPOT, OTHER = np.s_[4:7, 50:56, 4:12], np.s_[20:23, 50:56, 4:12]  # in no lesion


class User:
    """At a desk, with a host's Undo for strokes and for changes of ours."""

    def __init__(self, bench):
        self.desk, self._stack = bench.desk, UndoStack()
        bench.desk._save_undo = lambda node: self._stack.push(ChangeOfOurs(node))

    @property
    def node(self):
        return self.desk.result.segmentation_node

    def mask(self) -> np.ndarray:
        return segments.read_labels(self.node).full(self.desk.ct.GetImageData().GetDimensions()[::-1])

    def paint(self, where, lesion=1) -> None:
        from made_scene import paint

        self._stack.push(ChangeOfOurs(self.node))
        voxels = (self.mask() == lesion).astype(np.uint8)
        voxels[where] = 1
        paint(self.node, segments.our_segments(self.node)[lesion], self.desk.ct, voxels)

    def erase_all(self) -> None:
        from made_scene import paint

        for segment_id in segments.our_segments(self.node).values():
            paint(self.node, segment_id, self.desk.ct, np.zeros(self.mask().shape, np.uint8))

    def undo(self) -> None:
        with self.desk.undoing():
            self._stack.undo()

    def redo(self) -> None:
        with self.desk.undoing():
            self._stack.redo()

    def names(self) -> list[str]:
        segmentation = self.node.GetSegmentation()
        return [segmentation.GetSegment(i).GetName() for i in segments.our_segments(self.node).values()]

    def changes(self) -> int:
        return self._stack.index()


@pytest.fixture(autouse=True)
def one_step_a_tick(monkeypatch):
    """Else these small lesions are measured before the next hand comes."""
    monkeypatch.setattr(Measuring.go_on, "__defaults__", (0.0,))


@pytest.fixture
def user(bench, ct):
    user = User(bench)
    bench.desk.choose_ct(ct)
    bench.desk.segment()
    assert bench.rest()
    return user


def edits(user) -> tuple[int, int, set]:
    """Voxels painted, voxels erased, lesions removed."""
    edits = user.desk.result.edits
    return len(edits.painted), len(edits.erased), set(edits.removed)


PAINTED = (3 * 6 * 8, 0, set())
NOTHING = (0, 0, set())


def test_a_stroke_before_the_slider_rests_stays(user):
    user.desk.drag_threshold(0.55)
    user.paint(SPOT)
    user.desk.rest(Cut(0.55))
    user.desk.settle()
    assert (user.mask()[SPOT] == 1).all()
    assert edits(user) == PAINTED
    assert user.changes() == 3, "Segment, the drag, the stroke: its rest changed nothing"


def test_a_stroke_while_lesions_are_measured_is_no_part_of_the_drag_before(bench, user):
    masks = [user.mask()]
    for threshold in (0.6, 0.8):
        user.desk.drag_threshold(threshold)
        user.desk.rest(Cut(threshold))
        assert user.desk.unsettled
        masks.append(user.mask())
        user.paint(SPOT if threshold == 0.6 else OTHER)
        masks.append(user.mask())
    bench.host.slider = 0.8  # where the hand left it
    told = [(0.4, NOTHING), (0.6, NOTHING), (0.6, PAINTED), (0.8, PAINTED), (0.8, (2 * 3 * 6 * 8, 0, set()))]
    for turn, steps in ((user.undo, range(3, -1, -1)), (user.redo, range(1, 5))):
        for n in steps:
            turn()
            np.testing.assert_array_equal(user.mask(), masks[n])
            assert (user.desk.cut.threshold, edits(user)) == told[n]
            assert bench.host.slider == told[n][0]
    assert bench.rest()
    assert edits(user) == told[-1][1]


def test_undo_while_the_slider_moves_is_not_taken_back_by_its_rest(bench, user):
    before = user.mask()
    user.desk.drag_threshold(0.7)
    dragged = user.mask()
    user.desk.settling = lambda: user.desk.rest(Cut(0.7))  # as a host whose slider has not rested
    user.undo()
    assert bench.rest()
    np.testing.assert_array_equal(user.mask(), before)
    assert bench.host.slider == 0.4
    user.desk.settling = lambda: None
    user.redo()
    assert bench.rest()
    np.testing.assert_array_equal(user.mask(), dragged)
    assert bench.host.slider == 0.7
    assert edits(user) == NOTHING


def test_undo_leads_back_to_a_result_as_it_was_taken_up(bench, user, ct):
    before = user.mask()
    user.desk.choose_ct(None)
    user.desk.choose_ct(ct)
    assert bench.rest()
    user.desk.drag_threshold(0.7)
    user.desk.rest(Cut(0.7))
    assert bench.rest()
    user.undo()
    assert bench.rest()
    np.testing.assert_array_equal(user.mask(), before)
    assert bench.host.slider == 0.4
    assert edits(user) == NOTHING


def test_undo_brings_the_smallest_lesions_back_and_their_widget(bench, user):
    user.desk.rest(Cut(0.4, 25.0, largest_only=True))
    assert bench.rest()
    assert user.desk.lesions == []
    user.undo()
    assert bench.host.cuts == [Cut(0.4)]
    assert bench.rest()
    assert [lesion.id for lesion in user.desk.lesions] == [1, 2]


def test_undo_of_the_only_segment_removes_no_lesion_for_good(bench, user):
    user.undo()
    assert bench.rest()
    assert user.desk.lesions == []
    user.desk.segment()
    assert bench.rest()
    assert [lesion.id for lesion in user.desk.lesions] == [1, 2]
    assert user.desk.cut.threshold == 0.4


def test_who_erases_all_removes_all_though_the_mask_was_empty_once(bench, user):
    user.desk.rest(Cut(0.98))
    assert bench.rest()
    assert user.desk.lesions == []
    user.desk.rest(Cut(0.6))
    assert bench.rest()
    user.erase_all()
    assert bench.rest()
    assert user.desk.cut.threshold == 0.6
    assert edits(user)[2] == {1, 2}
    user.desk.rest(Cut(0.4))
    assert bench.rest()
    assert user.desk.lesions == []


def test_a_stroke_before_a_new_result_was_measured_is_measured(bench, ct):
    bench.desk.choose_ct(ct)
    user = User(bench)
    bench.desk.segment()
    assert bench.until(lambda: bench.desk.has_result and user.node is not None)
    assert bench.desk.unsettled
    user.paint(SPOT)
    bench.desk.drag_threshold(0.5)
    bench.desk.rest(Cut(0.5))
    assert bench.rest()
    assert (user.mask()[SPOT] == 1).all()
    assert edits(user) == PAINTED


def test_a_reset_is_undone_with_all_that_was_painted(bench, user):
    user.paint(SPOT)
    assert bench.rest()
    painted = user.mask()
    user.desk.drag_threshold(0.5)
    user.desk.rest(Cut(0.5))
    user.desk.reset_edits()
    assert not user.mask()[SPOT].any()
    user.undo()
    assert (user.mask()[SPOT] == 1).all()
    assert (user.desk.cut.threshold, edits(user)) == (0.5, PAINTED)
    user.undo()
    np.testing.assert_array_equal(user.mask(), painted)
    assert (user.desk.cut.threshold, edits(user)) == (0.4, PAINTED)


def test_a_lesion_begun_while_lesions_are_measured_is_no_part_of_the_drag_before(bench, user):
    user.desk.drag_threshold(0.6)
    user.desk.rest(Cut(0.6))
    dragged = user.mask()
    user.desk.new_lesion()
    user.desk.drag_threshold(0.8)
    user.undo()
    np.testing.assert_array_equal(user.mask(), dragged)
    assert (user.desk.cut.threshold, edits(user)) == (0.6, NOTHING)
    assert len(segments.begun_segments(user.node)) == 1


def test_undo_of_another_models_segment_is_of_the_model_before(bench, user):
    from LungTumorSegLib.workstation.run_facts import run_facts

    tumours = "automatic", ["tumour"], "Tumour 1", user.mask()
    bench.desk.choose_models("lungs", "prompted")
    user.desk.segment()
    assert bench.rest()
    lungs = "lungs", ["left lung"], "left lung 1", user.mask()
    for turn, (model, classes, name, mask) in ((user.undo, tumours), (user.redo, lungs), (user.undo, tumours)):
        turn()
        assert bench.rest()
        facts = run_facts(user.desk.result)
        assert (facts["model"], facts["classes"], next(iter(user.names()))) == (model, classes, name)
        np.testing.assert_array_equal(user.mask(), mask)
