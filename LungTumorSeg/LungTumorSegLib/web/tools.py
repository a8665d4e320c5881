"""What the left mouse button does in the views: nothing, window and level, points or a box, paint or erase."""

from __future__ import annotations

from collections.abc import Callable

import slicer
from trame_slicer.segmentation import BrushDiameterMode, SegmentationEffectErase, SegmentationEffectPaint
from undo_stack import UndoStack

from LungTumorSegLib.scene import segments
from LungTumorSegLib.scene.edits import UNDO_STEPS
from LungTumorSegLib.web.undo import ChangeOfOurs
from LungTumorSegLib.workstation.desk import Desk

POINTS, BOX, BRUSHES, WINDOW = {"inside": True, "outside": False}, "box", ("paint", "erase"), "window"


class Tools:
    """One tool is in the hand, or none ("").

    Parameters
    ----------
    app : SlicerApp
    desk : knows the nodes into which points go
    put_down : called when a tool was put down by itself: a box is drawn, the CT changed
    undo_changed : called when there is more or less to undo
    """

    def __init__(self, app, desk: Desk, put_down: Callable[[], None], undo_changed: Callable[[], None]):
        self._app, self._desk, self._put_down = app, desk, put_down
        self._editor = app.segmentation_editor
        self.undo_stack = UndoStack(undo_limit=UNDO_STEPS)
        self.undo_stack.index_changed.connect(lambda *_: undo_changed())
        self._editor.set_undo_stack(self.undo_stack)
        self._tool = ""
        self._lesion = 0
        self._interaction = app.markups_logic.interaction_node
        self._interaction.AddObserver(self._interaction.InteractionModeChangedEvent, self._mode_changed)

    @property
    def lesion(self) -> int:
        """The number of the one that the brush is for; 0 where there is none."""
        result = self._desk.result
        node = result.segmentation_node if result is not None else None
        ours = segments.our_segments(node) if node is not None else {}
        return self._lesion if self._lesion in ours else min(ours, default=0)

    def take(self, tool: str) -> None:
        if tool == self._tool:
            return
        self._lay_down()
        self._tool = tool
        if tool in POINTS:
            self._app.markups_logic.place_node(self._desk.points(POINTS[tool]), persistent=True)
        elif tool == BOX:
            self._app.markups_logic.place_node(self._desk.new_box(), persistent=False)
        elif tool == WINDOW:
            self._interaction.SetCurrentInteractionMode(slicer.vtkMRMLInteractionNode.AdjustWindowLevel)
        elif tool in BRUSHES:
            self._paint(tool)

    def paint_into(self, lesion: int) -> None:
        """From now on the brush is this lesion's; the first one's where there is none of that number."""
        self._lesion = lesion
        if self._tool in BRUSHES and self.lesion:
            ours = segments.our_segments(self._desk.result.segmentation_node)
            if self._editor.get_active_segment_id() != ours[self.lesion]:  # else a stroke under way would end
                self._editor.set_active_segment_id(ours[self.lesion])

    def set_brush(self, mm: float, ball: bool) -> None:
        """Its diameter; a ball reaches into the slices beside the one that is painted in."""
        for effect in (SegmentationEffectPaint, SegmentationEffectErase):
            self._editor.get_effect(effect).set_brush_diameter(mm, BrushDiameterMode.Absolute)
            self._editor.get_effect(effect).set_use_sphere_brush(ball)

    def save_undo(self, segmentation_node) -> None:
        """Our own hand is about to change the segments: have Undo take it back."""
        self.undo_stack.push(ChangeOfOurs(segmentation_node))

    def undo(self) -> None:
        if self.undo_stack.can_undo():
            self._turn_back(self.undo_stack.undo)

    def redo(self) -> None:
        if self.undo_stack.can_redo():
            self._turn_back(self.undo_stack.redo)

    def forget(self) -> None:
        """Another CT: what was done to the last one's segments is no longer undone."""
        self.take("")
        self.undo_stack.clear()
        self._lesion = 0
        self._put_down()

    def _turn_back(self, does: Callable[[], None]) -> None:
        with self._desk.undoing():
            does()
        self.paint_into(self._lesion)  # the segment is another object of the same name

    def _paint(self, tool: str) -> None:
        if not self.lesion:
            self._lesion = self._desk.new_lesion()
        node = self._desk.result.segmentation_node
        if self._editor.active_segmentation_node is not node:
            self._leave_segmentation()
            self._editor.set_undo_stack(None)  # it would be emptied
            self._editor.set_active_segmentation(node, self._desk.ct)
            self._editor.set_undo_stack(self.undo_stack)
        self.paint_into(self._lesion)
        self._editor.set_active_effect_type(SegmentationEffectPaint if tool == "paint" else SegmentationEffectErase)

    def _leave_segmentation(self) -> None:
        """trame-slicer leaves its observer behind. Python's garbage collector then takes what the observer calls, since
        VTK shows it to the collector as the node's own, and the node's next change would crash the process."""
        last = self._editor.active_segmentation
        if last is not None:
            last.segmentation_node.RemoveObserver(last._node_obs)

    def _lay_down(self) -> None:
        last, self._tool = self._tool, ""
        if last in BRUSHES:
            self._editor.deactivate_effect()
        elif last:
            self._app.markups_logic.disable_place_mode()
            if last != WINDOW:
                self._desk.placing_ended()

    def _mode_changed(self, node, _event) -> None:
        placing = node.GetCurrentInteractionMode() == slicer.vtkMRMLInteractionNode.Place
        if (self._tool in POINTS or self._tool == BOX) and not placing:
            self._tool = ""
            self._desk.placing_ended()
            self._put_down()
