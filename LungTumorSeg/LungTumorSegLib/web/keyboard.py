"""What the keys do, wherever in the page they are pressed. Which keys come here, serve/keys.js knows."""

from __future__ import annotations

from collections.abc import Callable

from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.web.hand import Hand
from LungTumorSegLib.web.state import PageState
from LungTumorSegLib.web.views import AXIAL, CORONAL, FOUR, SAGITTAL, SPACE, Views

LAYOUTS = {"1": FOUR, "2": AXIAL, "3": CORONAL, "4": SAGITTAL, "5": SPACE}
WINDOWS = {"l": "lung", "m": "mediastinum", "b": "bone"}
TOOLS = {"w": "window", "p": "inside", "n": "outside", "x": "box", "e": "paint", "d": "erase"}


class Keyboard:
    """Keys by name: a character, Escape, undo, redo.

    cancel : stops what is computed
    """

    def __init__(self, server, views: Views, hand: Hand, cancel: Callable[[], None]):
        self._server, self._hand, self._cancel = server, hand, cancel
        self._page = TypedState(server.state, PageState)
        self._actions = {
            "f": views.fit, "a": hand.new_lesion, "Escape": self._escape, "undo": hand.undo, "redo": hand.redo,
        }  # fmt: skip

    def press(self, key: str) -> None:
        with self._server.state:
            if key in LAYOUTS:
                self._page.data.layout = LAYOUTS[key]
            elif key in WINDOWS:
                self._page.data.window = WINDOWS[key]
            elif key in TOOLS:
                self._hand.toggle(TOOLS[key])
            elif key in self._actions:
                self._actions[key]()

    def _escape(self) -> None:
        """The tool goes first: who puts it down does not mean what is computed meanwhile."""
        if self._page.data.tool:
            self._hand.put_down()
        elif self._page.data.working:
            self._cancel()
