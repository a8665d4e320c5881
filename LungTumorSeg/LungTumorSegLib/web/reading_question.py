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
    """asked, closed : numbers of the question that was asked last, and of the one that was closed last.

    Files come by another way than what is done in the page: a dialog that was closed may be told of after the next
    question was asked. It must not close that one as well.

    answers : what stands on the buttons.
    """

    asked: int = 0
    closed: int = 0
    text: str = ""
    answers: list[str] = field(default_factory=list)


class ReadingQuestion:
    """One at a time. Escape, and a click beside it, are Cancel: nothing is opened."""

    def __init__(self, server):
        self.state = TypedState(server.state, ReadingQuestionState)
        self._values: tuple = ()
        self._answered: Callable[[object], Awaitable[None]] | None = None

    @property
    def open(self) -> bool:
        """It waits for an answer."""
        return self.state.data.closed < self.state.data.asked

    def ask(self, argument: str, answered: Callable[[object], Awaitable[None]]) -> str:
        """Show what is asked, and give it back; `answered` gets the argument's value."""
        text, answers = QUESTIONS[argument]
        self._values, self._answered = tuple(value for _, value in answers), answered
        data = self.state.data
        data.text, data.answers = text, [words for words, _ in answers]
        data.asked += 1
        return text

    def fill(self) -> None:
        """Build the dialog at the current place."""
        name = self.state.name
        close = f"{name.closed} = {name.asked}"
        with (
            v3.VDialog(model_value=(f"{name.closed} < {name.asked}",), update_modelValue=close, max_width=520),
            v3.VCard(role="alertdialog", id="reading-question"),
        ):
            v3.VCardText(f"{{{{ {name.text} }}}}")
            with v3.VCardActions():
                v3.VSpacer()
                v3.VBtn("Cancel", click=close)
                v3.VBtn(
                    "{{ words }}", v_for=f"(words, n) in {name.answers}", key="n", variant="tonal", color="primary",
                    click=(self._answer, "[n]"),
                )  # fmt: skip

    async def _answer(self, n: int) -> None:
        self.state.data.closed = self.state.data.asked
        await self._answered(self._values[n])
