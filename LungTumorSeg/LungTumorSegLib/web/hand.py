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
        self._server, self._desk = server, desk
        self._page, self._segment = TypedState(server.state, PageState), TypedState(server.state, SegmentState)
        self.tools = Tools(app, desk, self.put_down, self._undo_changed)
        self.lesion = ChosenLesion(server, desk, self.tools)
        self._page.bind_changes({self._page.name.tool: self._take})
        self._segment.bind_changes({(self._segment.name.brush_mm, self._segment.name.brush_ball): self._set_brush})

    def put_down(self) -> None:
        with self._server.state:
            self._page.data.tool = ""

    def toggle(self, tool: str) -> None:
        """Take a tool, or put it down; nothing where its button is disabled."""
        if self._may_take(tool):
            self._page.data.tool = "" if self._page.data.tool == tool else tool

    def new_lesion(self) -> None:
        """Begin a lesion that was not found, the brush in the hand."""
        if self._segment.data.has_ct:
            self.put_down()
            self.tools.paint_into(self._desk.new_lesion())
            self._page.data.tool = "paint"

    def undo(self) -> None:
        self.tools.undo()

    def redo(self) -> None:
        self.tools.redo()

    def show(self) -> None:
        """Lesions came or went: which is the brush's?"""
        if self._page.data.tool in BRUSHES:
            self.tools.paint_into(self.tools.lesion)
        self._segment.data.brush_lesion = self.tools.lesion

    def _may_take(self, tool: str) -> bool:
        data = self._segment.data
        needed = {"window": data.has_ct, "paint": data.has_ct, "erase": data.has_result}
        return needed.get(tool, data.can_prompt)

    def _take(self, tool: str) -> None:
        if tool in BRUSHES:
            self._set_brush()
        self.tools.take(tool)
        self.show()

    def _set_brush(self, *_) -> None:
        self.tools.set_brush(self._segment.data.brush_mm, self._segment.data.brush_ball)

    def _undo_changed(self) -> None:
        stack = self.tools.undo_stack
        with self._server.state:
            self._segment.data.can_undo, self._segment.data.can_redo = stack.can_undo(), stack.can_redo()
