"""Three buttons, one place mode: the next click in a view is a point inside, a point outside, or a box's corner."""

from __future__ import annotations

from collections.abc import Callable

import slicer


class Placing:
    """
    Parameters
    ----------
    widget : qSlicerMarkupsPlaceWidget, which is not shown
    nodes : checkable button -> gives the markups node that the clicks go into, made where there is none
    on_ended : called when place mode has ended, by the last click or by Escape
    """

    def __init__(self, widget, nodes: dict, on_ended: Callable[[], None]):
        self._widget, self._nodes, self._on_ended = widget, nodes, on_ended
        self._active = None
        widget.setButtonsVisible(False)
        widget.placeMultipleMarkups = slicer.qSlicerMarkupsPlaceWidget.ForcePlaceSingleMarkup
        widget.connect("activeMarkupsPlaceModeChanged(bool)", self._mode_changed)
        for button in nodes:
            button.connect("toggled(bool)", lambda on, button=button: self._toggled(button, on))

    def stop(self) -> None:
        """Another CT was chosen, or the module is left: the next click is no prompt."""
        if self._active is not None:
            self._active.setChecked(False)

    def forget(self) -> None:
        """Let go of the node that was placed in: the scene closes."""
        self.stop()
        self._widget.setCurrentNode(None)

    def _toggled(self, button, on: bool) -> None:
        if on:
            self.stop()
            self._widget.setCurrentNode(self._nodes[button]())
            self._active = button
            self._widget.setPlaceModeEnabled(True)
        elif button is self._active:
            self._active = None
            self._widget.setPlaceModeEnabled(False)
            self._on_ended()

    def _mode_changed(self, on: bool) -> None:
        if not on:
            self.stop()
