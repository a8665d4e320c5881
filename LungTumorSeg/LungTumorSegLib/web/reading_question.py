"""What must be asked before a CT can be read: nobody guesses for the user."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from trame.widgets import vuetify3 as v3
from trame_server.utils.typed_state import TypedState

# Argument of `volume.reading.read_ct` -> what is asked, and the answers with the argument's values.
QUESTIONS = {
    "hu_offset": (
        "No voxel of this scan lies below 0 HU. It may be stored with 1024 added to every value, as some programs do. "
        "The value of air tells: 0 where 1024 was added.",
        (("1024 was added: subtract it", -1024), ("These are HU", 0)),
    ),
    "resample": (
        "The slices are not evenly spaced: some may be missing. They can be interpolated; measurements across the gap "
        "are then guesses, and DICOM SEG and SR cannot be exported.",
        (("Interpolate", True),),
    ),
}  # fmt: skip


@dataclass
class ReadingQuestionState:
    """answers : what stands on the buttons."""

    shown: bool = False
    text: str = ""
    answers: list[str] = field(default_factory=list)


class ReadingQuestion:
    """One at a time. Escape, and a click beside it, are Cancel: nothing is opened."""

    def __init__(self, server):
        self.state = TypedState(server.state, ReadingQuestionState)
        self._values: tuple = ()
        self._answered: Callable[[object], Awaitable[None]] | None = None

    def ask(self, argument: str, answered: Callable[[object], Awaitable[None]]) -> str:
        """Show what is asked, and give it back; `answered` gets the argument's value."""
        text, answers = QUESTIONS[argument]
        self._values, self._answered = tuple(value for _, value in answers), answered
        data = self.state.data
        data.text, data.answers, data.shown = text, [words for words, _ in answers], True
        return text

    def fill(self) -> None:
        """Build the dialog at the current place."""
        name = self.state.name
        with v3.VDialog(v_model=(name.shown,), max_width=520), v3.VCard(role="alertdialog", id="reading-question"):
            v3.VCardText(f"{{{{ {name.text} }}}}")
            with v3.VCardActions():
                v3.VSpacer()
                v3.VBtn("Cancel", click=f"{name.shown} = false")
                v3.VBtn(
                    "{{ words }}", v_for=f"(words, n) in {name.answers}", key="n", variant="tonal", color="primary",
                    click=(self._answer, "[n]"),
                )  # fmt: skip

    async def _answer(self, n: int) -> None:
        self.state.data.shown = False
        await self._answered(self._values[n])
