"""What the keys do, wherever in the page they are pressed. Which keys come here, serve/keys.js knows."""

from __future__ import annotations

from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.web.hand import Hand
from LungTumorSegLib.web.state import PageState
from LungTumorSegLib.web.views import AXIAL, CORONAL, FOUR, SAGITTAL, SPACE, Views

LAYOUTS = {"1": FOUR, "2": AXIAL, "3": CORONAL, "4": SAGITTAL, "5": SPACE}
WINDOWS = {"l": "lung", "m": "mediastinum", "b": "bone"}
TOOLS = {"w": "window", "p": "inside", "n": "outside", "e": "paint", "d": "erase"}


class Keyboard:
    """Keys by name: a character, Escape, undo, redo."""

    def __init__(self, server, views: Views, hand: Hand):
        self._server, self._hand = server, hand
        self._page = TypedState(server.state, PageState)
        self._actions = {"f": views.fit, "Escape": hand.put_down, "undo": hand.undo, "redo": hand.redo}

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
