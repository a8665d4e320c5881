"""The model that is chosen for Segment, and the one that answers points and boxes."""

from __future__ import annotations

from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.web.state import SegmentState
from LungTumorSegLib.workstation.case_images import ONE
from LungTumorSegLib.workstation.desk import Desk
from LungTumorSegLib.workstation.models import Model, list_models, preferred


class ModelChoice:
    """Chooses the preferred ones at once, and again where the chosen one is deleted."""

    def __init__(self, server, desk: Desk):
        self._desk, self._segment = desk, TypedState(server.state, SegmentState)
        self._models: list[Model] = []
        self._told: tuple | None = None
        self.show_list()
        self._segment.bind_changes({self._segment.name.model: self._choose})

    def show_list(self) -> None:
        """The models as they are on disk now."""
        self._models, data = list_models(), self._segment.data
        automatic = [model for model in self._models if model.task == "automatic"]
        data.models = [{"name": model.address, "title": model.name} for model in automatic]
        if data.model not in [model.address for model in automatic]:
            best = preferred(self._models, "automatic")
            data.model = best.address if best else ""
        self._choose()

    def _choose(self, *_) -> None:
        prompted = preferred(self._models, "prompted")
        automatic = next((model for model in self._models if model.address == self._segment.data.model), None)
        told = (
            automatic and automatic.address, prompted and prompted.address, automatic.channels if automatic else ONE
        )  # fmt: skip
        if told != self._told:
            self._told = told
            self._desk.choose_models(*told)
