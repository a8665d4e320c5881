"""Keys of the panel, alive only while the module is shown."""

from __future__ import annotations

from collections.abc import Callable

import qt
import slicer


class Shortcuts:
    """
    Parameters
    ----------
    actions : key, as Qt writes it ("P", "Ctrl+Return"), to what it does
    """

    def __init__(self, actions: dict[str, Callable[[], object]]):
        self._shortcuts = []
        window = slicer.util.mainWindow()  # None where Slicer runs without one
        for key, act in actions.items() if window is not None else ():
            # On the main window: the mouse is over a view, not over the panel, when they are wanted.
            shortcut = qt.QShortcut(qt.QKeySequence(key), window)
            shortcut.setEnabled(False)
            shortcut.connect("activated()", act)
            self._shortcuts.append(shortcut)

    def set_enabled(self, on: bool) -> None:
        for shortcut in self._shortcuts:
            shortcut.setEnabled(on)

    def remove(self) -> None:
        """The module goes: the main window stays, and with it what hangs on it."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = []
