"""What the desk asks of a host: the panel in Slicer, the page in a browser, a test. Each call returns at once."""

from __future__ import annotations

from typing import Protocol

from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.scene.cut import Cut

PROBABILITY, HEAT = "probability", "heat"


class Host(Protocol):
    """All calls come on the thread that calls the desk. Sentences are translated already."""

    def changed(self) -> None:
        """What may be done now has changed: look at the desk's `ready`, `busy`, `has_result`, `can_prompt`...."""

    def progress(self, sentence: str, fraction: float) -> None:
        """How far the worker is: "Finding lungs, 12 s left", 0..1. Often; only while `busy`."""

    def said(self, sentence: str) -> None:
        """What happened, for the status line; empty: nothing to say any more."""

    def failed(self, sentence: str, details: str = "") -> None:
        """What went wrong, for the status line and a message box; details for "Show details". No modal box from inside
        this call: it would keep the worker's bytes from being read."""

    def lesions(self, lesions: list[Lesion]) -> None:
        """The rows of the table."""

    def threshold(self, value: float) -> None:
        """The desk took the model's threshold: move the slider. `rest` may be called with it, and does nothing."""

    def cut(self, cut: Cut) -> None:
        """What is seen was cut there: move the widgets of all three values, before `rest` is called with any."""

    def overlay(self, name: str) -> None:
        """The desk has another map to show (PROBABILITY or HEAT): set the switches, then call `show`."""
