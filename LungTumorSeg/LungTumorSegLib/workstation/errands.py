"""The requests to the worker that are under way: each comes back to the desk once, or is dropped."""

from __future__ import annotations

import logging
import time
import traceback
from collections import deque
from collections.abc import Callable

from LungTumorSegLib.measurement.steps import Steps
from LungTumorSegLib.worker.conversation import Answer, Conversation, Failure, Request
from LungTumorSegLib.workstation import words
from LungTumorSegLib.workstation.host import Host

log = logging.getLogger(__name__)

MOMENT = 0.05  # seconds of our own time in a tick; a step may take longer


class Errands:
    """
    Parameters
    ----------
    conversation : with the worker
    last_words : what the worker wrote to stderr at last, for "Show details"
    """

    def __init__(self, conversation: Conversation, host: Host, last_words: Callable[[], str]):
        self._conversation, self._host, self._last_words = conversation, host, last_words
        self._open: list[Request] = []
        self._shown: deque[tuple[Request, Steps[None], Callable]] = deque()  # the answers that are being shown

    @property
    def under_way(self) -> bool:
        return bool(self._open)

    def send(
        self,
        ask: Callable[..., Request],
        done: Callable[[Answer], Steps[None]],
        wanted: Callable[[], bool],
        not_done: Callable[[Failure | None], None] = lambda failure: None,
    ) -> Request:
        """
        Parameters
        ----------
        ask : makes the request, with the callbacks that it is given
        done : shows the answer, in steps, for a moment a `tick`
        wanted : asked when the answer is there; where it says no, the answer is not shown
        not_done : called where no answer was shown, with the failure where there is one; not for dropped requests
        """

        def finished(outcome: Answer | Failure) -> None:
            if request not in self._open:  # dropped
                return
            if isinstance(outcome, Answer) and wanted():
                self._shown.append((request, done(outcome), not_done))
                return
            self._open.remove(request)
            not_done(outcome if isinstance(outcome, Failure) else None)
            if isinstance(outcome, Failure):
                self._failed(outcome)
            self._host.changed()

        request = ask(on_progress=self._progress, on_done=finished, on_failed=finished)
        self._open.append(request)
        self._progress(words.starting(), 0.0, None)
        self._host.changed()
        return request

    def tick(self) -> None:
        """Go on showing the answer that came."""
        began = time.thread_time()
        while self._shown:
            self._step()
            if time.thread_time() - began >= MOMENT:
                return

    def settle(self) -> None:
        """Show what came, now."""
        while self._shown:
            self._step()

    def cancel(self) -> None:
        """Ask for an early end of all; each is told as cancelled."""
        for request in list(self._open):
            request.cancel()

    def drop(self) -> None:
        """What still comes is not wanted any more; nobody is told."""
        requests, self._open = self._open, []
        self._shown.clear()
        for request in requests:
            request.cancel()

    def _progress(self, stage: str, fraction: float, seconds_left: float | None) -> None:
        self._host.progress(words.progress(stage, seconds_left), fraction)

    def _step(self) -> None:
        request, steps, not_done = self._shown[0]
        try:
            if next(steps, self) is not self:
                return
        except Exception:
            log.exception("the result could not be shown")
            not_done(None)
            self._host.failed(words.not_shown(), traceback.format_exc())
        if self._shown and self._shown[0][0] is request:  # not dropped meanwhile
            self._shown.popleft()
            self._open.remove(request)
            self._host.changed()

    def _failed(self, failure: Failure) -> None:
        if failure.kind == "cancelled":
            self._host.said(words.cancelled())
        else:
            self._host.failed(failure.message, self._last_words() if failure.kind == "fault" else "")
