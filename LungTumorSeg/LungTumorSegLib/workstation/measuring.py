"""Lesions measured in moments between the user's clicks, so that no window stands still, however many there are."""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.steps import Steps
from LungTumorSegLib.workstation import words

log = logging.getLogger(__name__)

MOMENT = 0.05  # seconds of our own time; the last step may take longer


class Measuring:
    """
    Parameters
    ----------
    finished : called when the lesions are known, before what `begin` was given
    failed : called where a fault of ours ended it, with the traceback: the lesions are those of before
    """

    def __init__(self, finished: Callable[[], None], failed: Callable[[str], None]):
        self._finished, self._failed = finished, failed
        self._lost = False
        self._measure: Callable[[], Steps[None]] | None = None
        self._steps: Steps[None] | None = None
        self._then: Callable[[], None] = lambda: None

    @property
    def under_way(self) -> bool:
        return self._steps is not None

    def begin(self, measure: Callable[[], Steps[None]], then: Callable[[], None] = lambda: None, at_once=True) -> None:
        """Measure a result as it is now (its `measuring` or `reading`); `then` when it is done. A first moment comes at
        once, unless it was spent on other work. What was under way is dropped, and what was to come then, too."""
        self._measure, self._steps, self._then, self._lost = measure, measure(), then, False
        if at_once:
            self.go_on()

    def go_on(self, moment: float = MOMENT) -> None:
        """Measure for a moment."""
        began = time.thread_time()
        while self._steps is not None:
            try:
                ended = next(self._steps, self) is self
            except Exception:  # the steps end with it: asked again, they would seem to have come to their end
                log.exception("the lesions could not be measured")
                self._steps, self._lost = None, True
                self._failed(traceback.format_exc())
                return
            if ended:
                self._steps = None
                self._finished()
                self._then()
            elif time.thread_time() - began >= moment:
                return

    def finish(self) -> None:
        """Measure to the end, now; what a fault had ended, once more. `InputRefused` where it ends it again."""
        if self._lost:
            self._steps, self._lost = self._measure(), False
        self.go_on(float("inf"))
        if self._lost:
            raise InputRefused(words.not_measured())

    def restart(self) -> None:
        """The result was changed meanwhile: what is under way begins anew."""
        if self._steps is not None:
            self._steps = self._measure()

    def drop(self) -> None:
        self._steps = None
