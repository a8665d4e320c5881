"""What our own hand did to the segments (a threshold, a new answer), for the brush's Undo."""

from __future__ import annotations

import slicer
from undo_stack import UndoCommand


class ChangeOfOurs(UndoCommand):
    """Make it before the change: it keeps the segments as they are now."""

    def __init__(self, segmentation_node):
        super().__init__()
        self._node = segmentation_node
        self._before, self._after = self._now(), None

    def undo(self) -> None:
        self._after = self._now()
        self._put(self._before)

    def redo(self) -> None:
        if self._after is not None:  # a stack may redo what it is given first
            self._put(self._after)

    def _now(self):
        copy = slicer.vtkSegmentation()
        copy.DeepCopy(self._node.GetSegmentation())
        return copy

    def _put(self, segmentation) -> None:
        self._node.GetSegmentation().DeepCopy(segmentation)
        self._node.Modified()
