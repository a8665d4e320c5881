"""The model that is chosen for Segment, and the one that answers points and boxes."""

from __future__ import annotations

from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.web.state import SegmentState
from LungTumorSegLib.workstation.desk import Desk
from LungTumorSegLib.workstation.models import list_models, preferred


class ModelChoice:
    """Chooses the preferred ones at once."""

    def __init__(self, server, desk: Desk):
        self._desk, self._segment = desk, TypedState(server.state, SegmentState)
        self._prompted: str | None = None
        self.show_list()
        automatic = preferred(list_models(), "automatic")
        self._segment.data.model = automatic.address if automatic else ""
        self._choose()
        self._segment.bind_changes({self._segment.name.model: self._choose})

    def show_list(self) -> None:
        """The models as they are on disk now."""
        models = list_models()
        prompted = preferred(models, "prompted")
        self._prompted = prompted.address if prompted else None
        self._segment.data.models = [
            {"name": model.address, "title": model.name} for model in models if model.task == "automatic"
        ]

    def _choose(self, *_) -> None:
        self._desk.choose_models(self._segment.data.model or None, self._prompted)
