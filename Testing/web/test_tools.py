"""The tool in the hand and Undo, at a desk without a page."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("trame_slicer")

from trame_slicer.core import SlicerApp
from trame_slicer.segmentation import Segmentation
from trame_slicer.segmentation.segmentation_undo_command import SegmentationLabelMapUndoCommand

from LungTumorSegLib.scene import segments
from LungTumorSegLib.scene.cut import Cut
from LungTumorSegLib.web.tools import Tools

STROKES = 45


class Hand:
    """Of a user at a desk with the page's tools."""

    def __init__(self, app, bench):
        self.bench, self.desk, self.put_down = bench, bench.desk, 0
        self.tools = Tools(app, bench.desk, self._put_down, lambda: None)
        bench.desk._save_undo = self.tools.save_undo
        self._brush = None

    def _put_down(self) -> None:
        self.put_down += 1

    def stroke(self, number: int) -> None:
        """A few voxels beside all lesions into the first, another place for each number."""
        from made_scene import paint

        node, ct = self.desk.result.segmentation_node, self.desk.ct
        ours = segments.read_labels(node).full(ct.GetImageData().GetDimensions()[::-1]) == 1
        ours[1, 2:4, number] = True
        # One for all, and kept: its observer stays with the node.
        self._brush = self._brush or Segmentation(node, ct, undo_stack=self.tools.undo_stack)
        with SegmentationLabelMapUndoCommand.push_state_change(self._brush):
            paint(node, segments.our_segments(node)[1], ct, ours.astype(np.uint8))
        self.desk.settle()


@pytest.fixture
def hand():
    workstation = Path(__file__).resolve().parents[1] / "workstation"
    sys.path[:0] = [str(workstation), str(workstation.parent / "scene")]
    from bench import PRETENDING, Bench
    from made_scene import add_ct

    from LungTumorSegLib.volume.geometry import Geometry

    app = SlicerApp()
    bench = Bench(app.scene, PRETENDING)
    hand = Hand(app, bench)
    bench.desk.choose_ct(add_ct(app.scene, Geometry((30, 60, 64), (0.7, 0.7, 1.25))))
    bench.desk.segment()
    assert bench.rest()
    yield hand
    bench.close()
    app.scene.Clear()


def test_another_ct_puts_the_tool_down(hand):
    hand.tools.take("inside")
    hand.tools.forget()
    assert hand.put_down == 1


def test_undo_goes_back_as_far_as_what_was_there_is_known(hand):
    for number in range(STROKES):
        hand.stroke(number)
    hand.desk.drag_threshold(0.7)
    hand.desk.rest(Cut(0.7))
    hand.desk.settle()
    undone = 0
    while hand.tools.undo_stack.can_undo():
        hand.tools.undo()
        undone += 1
    assert hand.bench.rest()
    assert undone == 10
    assert hand.desk.cut.threshold == 0.4
    edits = hand.desk.result.edits
    assert (len(edits.painted), len(edits.erased)) == (2 * (STROKES - 9), 0), "the drag and nine strokes"
    while hand.tools.undo_stack.can_redo():
        hand.tools.redo()
    assert hand.bench.rest()
    assert hand.desk.cut.threshold == 0.7
    edits = hand.desk.result.edits
    assert (len(edits.painted), len(edits.erased)) == (2 * STROKES, 0)
