"""Under the model, where it reads several images of a case: a choice a channel, which volume shows it."""

from __future__ import annotations

from trame.widgets import vuetify3 as v3
from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.web.state import SegmentState
from LungTumorSegLib.workstation.desk import Desk

GUESS = {"value": "", "title": "Choose a volume"}


class CaseImageRows:
    """Binds the desk's `images`."""

    def __init__(self, server, desk: Desk):
        self._desk, self._segment = desk, TypedState(server.state, SegmentState)

    def show(self) -> None:
        """The rows as model, CT and scene are now."""
        images = self._desk.images
        if not images.several:
            self._segment.data.images = []
            return
        items = [GUESS, *({"value": node.GetID(), "title": node.GetName()} for node in images.choices())]
        self._segment.data.images = [
            {"channel": channel, "node": node.GetID() if node is not None else "", "items": items}
            for channel, node in images.shown().items()
        ]

    def fill(self) -> None:
        """Build the rows at the current place."""
        name = self._segment.name
        v3.VSelect(
            v_for=f"image in {name.images}", key="image.channel", model_value=("image.node",), items=("image.items",),
            label=("image.channel",), density="compact", hide_details=True, variant="outlined", classes="mb-2",
            disabled=(name.busy,), update_modelValue=(self._choose, "[image.channel, $event]"),
            title="The volume, on the grid of the chosen one, that shows this",
        )  # fmt: skip

    def _choose(self, channel: str, node_id: str) -> None:
        self._desk.images.choose(channel, self._desk.scene.GetNodeByID(node_id) if node_id else None)
        self.show()
