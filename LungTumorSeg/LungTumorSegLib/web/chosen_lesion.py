"""The lesion that is chosen in the table, and what its buttons do."""

from __future__ import annotations

from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.web.state import MeasureState, SegmentState
from LungTumorSegLib.web.tools import Tools
from LungTumorSegLib.workstation.desk import Desk


class ChosenLesion:
    """Numbers are those of the table; 0 is none."""

    def __init__(self, server, desk: Desk, tools: Tools):
        self._desk, self._tools = desk, tools
        self._measure = TypedState(server.state, MeasureState)
        self._segment = TypedState(server.state, SegmentState)

    @property
    def number(self) -> int:
        return self._measure.data.chosen

    def jump(self, number: int) -> None:
        """Choose a lesion and show it."""
        self._measure.data.chosen = number
        chosen = self._lesion()
        if chosen is not None:
            self._desk.jump(chosen)
            self._tools.paint_into(number)
            self._segment.data.brush_lesion = self._tools.lesion

    def mark_node(self) -> None:
        chosen = self._lesion()
        if chosen is not None:
            self._desk.mark_node(chosen.id, not chosen.node)

    def reset_lines(self) -> None:
        """Of the chosen lesion where lines of it were moved, else of all."""
        chosen = self._lesion()
        self._desk.reset_lines(chosen.id if chosen is not None and chosen.edited else None)

    def _lesion(self) -> Lesion | None:
        return next((lesion for lesion in self._desk.lesions if lesion.id == self.number), None)
