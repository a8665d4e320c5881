"""The dialog of models: which there are, where each comes from, what its card says; import, delete, roll back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from trame.widgets import html
from trame.widgets import vuetify3 as v3
from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.web.question import Question
from LungTumorSegLib.web.state import ModelsState
from LungTumorSegLib.workstation import models
from LungTumorSegLib.workstation.model_upload import import_given

PLACES = {models.BUNDLED: "comes with the program", models.IMPORTED: "imported"}
TASKS = {"automatic": "finds tumours by itself", "prompted": "outlines what is clicked"}
CHOOSE_FOLDER, CHOOSE_ZIP = "window.lungTumorSeg.choose(true)", "window.lungTumorSeg.choose(false)"
log = logging.getLogger(__name__)


class ModelsDialog:
    """
    Parameters
    ----------
    changed : called when models came, went, or a name means another one
    """

    def __init__(self, server, changed: Callable[[], None]):
        self._server, self._changed = server, changed
        self.state = TypedState(server.state, ModelsState)
        self._question = Question(server, "models")
        self._models: list[models.Model] = []
        self.state.bind_changes({self.state.name.shown: self._opened, self.state.name.chosen: self._show_card})

    async def take(self, given: Path) -> None:
        """Import the model that was dropped or chosen, and show it."""
        with self._server.state:
            self._say("Checking the model…")
            self.state.data.shown = True
        try:
            model = await asyncio.to_thread(import_given, given)
        except InputRefused as refusal:
            self._end(str(refusal), failed=True)
        except Exception as fault:
            log.exception("the model could not be imported")
            self._end(f"The model could not be imported ({type(fault).__name__}).", failed=True)
        else:
            self._end(f"{model.name} was imported.", model.address)

    @property
    def _chosen(self) -> models.Model | None:
        return next((model for model in self._models if model.address == self.state.data.chosen), None)

    def _end(self, said: str, chosen: str = "", failed: bool = False) -> None:
        with self._server.state:
            self._say(said, failed)
            self._fill_list(chosen or self.state.data.chosen)
            self._changed()

    def _say(self, said: str, failed: bool = False) -> None:
        self.state.data.said, self.state.data.failed = said, failed

    def _opened(self, shown: bool) -> None:
        if shown:
            self._fill_list(self.state.data.chosen)
        else:
            self._say("")

    def _fill_list(self, chosen: str) -> None:
        """List them; choose the one of this address, else the first."""
        data, self._models = self.state.data, models.list_models()
        data.rows = [
            {
                "address": model.address, "name": model.name, "place": _place(model), "task": TASKS[model.task],
                "size": f"{model.size / 1e6:.1f} MB", "deletable": model.deletable,
                "rolls": model.place == models.PROMOTED and model.in_use,
            }
            for model in self._models
        ]  # fmt: skip
        addresses = [model.address for model in self._models]
        data.chosen = chosen if chosen in addresses else addresses[0] if addresses else ""
        self._show_card()

    def _show_card(self, *_) -> None:
        try:
            self.state.data.facts = self._chosen.facts() if self._chosen is not None else []
        except InputRefused as refusal:
            self.state.data.facts = [str(refusal)]

    def _delete(self) -> None:
        model = self._chosen
        self._question.ask(
            f"Delete the model {model.name} from this disk?", "Delete",
            lambda: self._try(lambda: models.delete_model(model), f"{model.name} was deleted."),
        )  # fmt: skip

    def _roll_back(self) -> None:
        model = self._chosen
        said = f"{model.name} means the version before it again, or nothing where there was none."
        self._try(lambda: models.roll_back(model), said)

    def _try(self, does: Callable[[], object], said: str) -> None:
        try:
            does()
        except InputRefused as refusal:
            self._say(str(refusal), failed=True)
            return
        self._say(said)
        self._fill_list(self.state.data.chosen)
        self._changed()

    def fill_button(self) -> None:
        """The button that opens the dialog, and the dialog; at the current place."""
        name = self.state.name
        with v3.VBtn(
            icon=True, size="small", variant="text", title="Models: what they are; import, delete", id="models",
            aria_label="Models", click=f"{name.shown} = true",
        ):  # fmt: skip
            v3.VIcon("mdi-cog-outline", size=20)
        with (
            v3.VDialog(v_model=(name.shown,), max_width=860, scrollable=True),
            v3.VCard(title="Models", id="models-dialog"),
        ):
            with v3.VCardText(), html.Div(classes="lts-models"):
                self._fill_rows(name)
                with html.Div(classes="lts-card", id="model-facts", tabindex=0, aria_label="The model's card"):
                    html.P("{{ fact }}", v_for=f"fact in {name.facts}", key="fact")
            html.Div(
                f"{{{{ {name.said} }}}}", classes=(f"'lts-models-said ' + ({name.failed} ? 'lts-failed' : '')",),
                id="models-said", role="status", v_if=(name.said,),
            )  # fmt: skip
            self._fill_actions(name)
        self._question.fill()

    def _fill_rows(self, name: ModelsState) -> None:
        with (
            html.Div(role="listbox", aria_label="Models"),
            html.Div(
                v_for=f"row in {name.rows}", key="row.address", tabindex=0, role="option",
                aria_selected=(f"row.address === {name.chosen}",),
                classes=(f"'lts-model ' + (row.address === {name.chosen} ? 'lts-chosen' : '')",),
                click=f"{name.chosen} = row.address", v_on_keydown_enter=f"{name.chosen} = row.address",
            ),
        ):  # fmt: skip
            html.Div("{{ row.name }}", classes="font-weight-medium")
            html.Div("{{ row.place }}, {{ row.size }}", classes="text-caption")
            html.Div("{{ row.task }}", classes="text-caption")

    def _fill_actions(self, name: ModelsState) -> None:
        chosen = f"({name.rows}.find(row => row.address === {name.chosen}) || {{}})"
        with v3.VCardActions(classes="flex-wrap px-6 pb-4"):
            for text, does, title in (
                ("Import folder…", CHOOSE_FOLDER, "A model's folder: model.json and weights.safetensors"),
                ("Import zip…", CHOOSE_ZIP, "A zip of a model's folder"),
            ):
                v3.VBtn(text, variant="tonal", click=does, title=title)
            v3.VSpacer()
            v3.VBtn(
                "Roll back", v_if=(f"{chosen}.rolls",), click=self._roll_back,
                title="Let the promoted model's name mean the version before",
            )  # fmt: skip
            v3.VBtn(
                "Delete", disabled=(f"!{chosen}.deletable",), click=self._delete, id="delete-model",
                title="Those that come with the program, and those in use, stay",
            )  # fmt: skip
            v3.VBtn("Close", click=f"{name.shown} = false")


def _place(model: models.Model) -> str:
    if model.place == models.PROMOTED:
        return "promoted, in use" if model.in_use else "promoted, not in use"
    return PLACES[model.place]
