"""Lesions measured in moments between the user's clicks, so that no window stands still, however many there are."""

from __future__ import annotations

import time
from collections.abc import Callable

from LungTumorSegLib.measurement.steps import Steps

MOMENT = 0.05  # seconds of our own time; the last step may take longer


class Measuring:
    """
    Parameters
    ----------
    finished : called when the lesions are known, before what `begin` was given
    """

    def __init__(self, finished: Callable[[], None]):
        self._finished = finished
        self._measure: Callable[[], Steps[None]] | None = None
        self._steps: Steps[None] | None = None
        self._then: Callable[[], None] = lambda: None

    @property
    def under_way(self) -> bool:
        return self._steps is not None

    def begin(self, measure: Callable[[], Steps[None]], then: Callable[[], None] = lambda: None, at_once=True) -> None:
        """Measure a result as it is now (its `measuring` or `reading`); `then` when it is done. A first moment comes at
        once, unless it was spent on other work. What was under way is dropped, and what was to come then, too."""
        self._measure, self._steps, self._then = measure, measure(), then
        if at_once:
            self.go_on()

    def go_on(self, moment: float = MOMENT) -> None:
        """Measure for a moment."""
        began = time.thread_time()
        while self._steps is not None:
            if next(self._steps, self) is self:
                self._steps = None
                self._finished()
                self._then()
            elif time.thread_time() - began >= moment:
                return

    def finish(self) -> None:
        """Measure to the end, now."""
        self.go_on(float("inf"))

    def restart(self) -> None:
        """The result was changed meanwhile: what is under way begins anew."""
        if self._steps is not None:
            self._steps = self._measure()

    def drop(self) -> None:
        self._steps = None
