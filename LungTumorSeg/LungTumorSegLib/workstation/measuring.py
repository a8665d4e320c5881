"""Lesions measured in moments between the user's clicks, so that no window stands still, however many there are."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from LungTumorSegLib.scene.result import Result

MOMENT = 0.05  # seconds of our own time; a step, one lesion, may take longer


class Measuring:
    """
    Parameters
    ----------
    finished : called when the lesions are known, before what `begin` was given
    """

    def __init__(self, finished: Callable[[], None]):
        self._finished = finished
        self._result: Result | None = None
        self._steps: Iterator[None] | None = None
        self._then: Callable[[], None] = lambda: None

    @property
    def under_way(self) -> bool:
        return self._steps is not None

    def begin(self, result: Result, then: Callable[[], None]) -> None:
        """Measure the result as it is now, for a first moment at once; `then` when that is done. What was under way is
        dropped, and what was to come then, too."""
        self._result, self._steps, self._then = result, result.measuring(), then
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
            self._steps = self._result.measuring()

    def drop(self) -> None:
        self._steps = None
