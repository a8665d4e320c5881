"""A question in the page before something goes that does not come back."""

from __future__ import annotations

from collections.abc import Callable

from trame.widgets import vuetify3 as v3
from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.web.state import QuestionState


class Question:
    """One at a time. Escape, and a click beside it, are No.

    Parameters
    ----------
    name : another one for each question in the page
    """

    def __init__(self, server, name: str):
        self.state = TypedState(server.state, QuestionState, namespace=name)
        self._id, self._does = f"{name}-yes", lambda: None

    def ask(self, text: str, yes: str, does: Callable[[], None]) -> None:
        """yes : on the button that has `does` done."""
        self._does = does
        self.state.data.text, self.state.data.yes, self.state.data.shown = text, yes, True

    def fill(self) -> None:
        """Build the dialog at the current place."""
        name = self.state.name
        with v3.VDialog(v_model=(name.shown,), max_width=460), v3.VCard(role="alertdialog"):
            v3.VCardText(f"{{{{ {name.text} }}}}")
            with v3.VCardActions():
                v3.VSpacer()
                v3.VBtn("Cancel", click=f"{name.shown} = false")
                v3.VBtn(f"{{{{ {name.yes} }}}}", color="error", variant="flat", id=self._id, click=self._yes)

    def _yes(self) -> None:
        self.state.data.shown = False
        self._does()
