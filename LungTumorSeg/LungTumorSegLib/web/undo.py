"""What our own hand did to the segments (a threshold, a new answer), for the brush's Undo."""

from __future__ import annotations

import slicer
from undo_stack import UndoCommand

from LungTumorSegLib.scene import segments
from LungTumorSegLib.workstation.run_facts import RUN

MADE_BY = RUN, segments.CLASSES


class ChangeOfOurs(UndoCommand):
    """Make it before the change: it keeps the segments as they are now, and what is known of how they were made."""

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
        return copy, {name: self._node.GetAttribute(name) for name in MADE_BY}

    def _put(self, state) -> None:
        segmentation, made_by = state
        for name, text in made_by.items():
            self._node.SetAttribute(name, text)  # None takes it away
        self._node.GetSegmentation().DeepCopy(segmentation)
        self._node.Modified()
