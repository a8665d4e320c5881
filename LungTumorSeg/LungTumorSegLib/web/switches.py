"""The Segment tab's sliders and switches: what they say, the desk is told."""

from __future__ import annotations

from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.web.latest import Latest
from LungTumorSegLib.web.state import SegmentState
from LungTumorSegLib.web.views import Views
from LungTumorSegLib.workstation.desk import Cut, Desk
from LungTumorSegLib.workstation.display import Display


class Switches:
    """Threshold and smallest lesion follow the hand and are measured when it rests; the others act at once."""

    def __init__(self, server, desk: Desk, views: Views):
        self._server, self._desk, self._segment = server, desk, TypedState(server.state, SegmentState)
        self._threshold = Latest(desk.drag_threshold, self._rest, server.state.flush, views.turns.caught_up)
        self._smallest = Latest(lambda _mm: None, self._rest, server.state.flush, views.turns.caught_up)
        desk.settling = self._settle
        name = self._segment.name
        self._segment.bind_changes({
            name.threshold: self._threshold.put,
            name.smallest_mm: self._smallest.put,
            (name.largest_only,): self._rest,
            (name.overlay, name.opacity, name.outline, name.fill, name.surface): self.show,
        })  # fmt: skip

    @property
    def moving(self) -> bool:
        """The hand drags."""
        return self._threshold.moving

    @property
    def cut(self) -> Cut:
        data = self._segment.data
        return Cut(data.threshold, data.smallest_mm, data.largest_only)

    def follow(self, threshold: float, smallest_mm: float) -> None:
        """There the page shows the sliders; what they send of it may still be on its way."""
        shown = Cut(threshold, smallest_mm, self.cut.largest_only)
        if shown != self.cut:
            self.set_cut(shown)
            self._threshold.put(threshold)

    def set_cut(self, cut: Cut) -> None:
        """Put the sliders there; nobody is told."""
        with self._segment.suppress_change_listeners():
            data = self._segment.data
            data.threshold, data.smallest_mm, data.largest_only = cut.threshold, cut.smallest_mm, cut.largest_only

    def show(self, *_) -> None:
        """Show what the switches say."""
        data = self._segment.data
        overlay = None if data.overlay == "none" else data.overlay
        self._desk.show(Display(overlay, data.opacity, data.outline, data.fill, data.surface))

    def explain(self) -> None:
        """The heat map is to be seen: make it, where there is none."""
        if self._desk.result.heat_node is None:
            self._desk.explain()

    def _settle(self) -> None:
        self._threshold.settle()
        self._smallest.settle()

    def _rest(self, *_) -> None:
        self._desk.rest(self.cut)
        self.show()
        # An Undo's value and one that the hand sent may have crossed: the page then shows what nobody cut.
        name = self._segment.name
        self._server.force_state_push(name.threshold, name.smallest_mm)
