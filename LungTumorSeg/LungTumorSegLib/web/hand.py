"""The tool in the user's hand, and Undo, as the page shows them."""

from __future__ import annotations

from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.web.chosen_lesion import ChosenLesion
from LungTumorSegLib.web.state import PageState, SegmentState
from LungTumorSegLib.web.tools import BRUSHES, Tools
from LungTumorSegLib.workstation.desk import Desk


class Hand:
    """
    Parameters
    ----------
    app : SlicerApp
    """

    def __init__(self, server, app, desk: Desk):
        self._server = server
        self._page, self._segment = TypedState(server.state, PageState), TypedState(server.state, SegmentState)
        self.tools = Tools(app, desk, self.put_down, self._undo_changed)
        self.lesion = ChosenLesion(server, desk, self.tools)
        self._page.bind_changes({self._page.name.tool: self._take})
        self._segment.bind_changes({self._segment.name.brush_mm: self.tools.set_brush})

    def put_down(self) -> None:
        with self._server.state:
            self._page.data.tool = ""

    def toggle(self, tool: str) -> None:
        """Take a tool, or put it down; nothing where its button is disabled."""
        if self._may_take(tool):
            self._page.data.tool = "" if self._page.data.tool == tool else tool

    def undo(self) -> None:
        if self.tools.undo_stack.can_undo():
            self.tools.undo_stack.undo()

    def redo(self) -> None:
        if self.tools.undo_stack.can_redo():
            self.tools.undo_stack.redo()

    def _may_take(self, tool: str) -> bool:
        data = self._segment.data
        needed = {"window": data.ready, "paint": data.has_result, "erase": data.has_result}
        return needed.get(tool, data.can_prompt)

    def _take(self, tool: str) -> None:
        if tool in BRUSHES:
            self.tools.set_brush(self._segment.data.brush_mm)
        self.tools.take(tool, self.lesion.number)

    def _undo_changed(self) -> None:
        stack = self.tools.undo_stack
        with self._server.state:
            self._segment.data.can_undo, self._segment.data.can_redo = stack.can_undo(), stack.can_redo()
