"""A command of the command line run as a child process: export, registration, training, promotion.

What loads heavy libraries, or takes longer than a tenth of a second, runs in there: a fault in it cannot take the
user's scene along, and the user's hands stay free. The command tells its progress as lines of JSON
(`command.progress`), refuses in one line, and answers by its exit code (`command.main`).
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from LungTumorSegLib.worker.child import ChildProcess
from LungTumorSegLib.worker.launch import Launch
from LungTumorSegLib.workstation import words

log = logging.getLogger(__name__)

PATIENCE = 3.0  # seconds after which a job that does not hear Cancel is killed
KEPT = 200_000  # characters of what it says: tables and facts, never voxels
PREFIX = "lungtumorseg: "
CANCELLED = 130  # the command's exit code


@dataclass(frozen=True)
class End:
    """How a job ended.

    Attributes
    ----------
    code : 0 done; 3 done, but not as hoped (see the command); None: it did not start; else failed.
    cancelled : by the user.
    output : what it printed besides progress.
    sentence : one line for the user, empty where it is done.
    details : the end of its stderr.
    """

    code: int | None
    cancelled: bool
    output: str
    sentence: str
    details: str

    @property
    def done(self) -> bool:
        return self.code == 0


class Job:
    """
    Parameters
    ----------
    arguments : of the command line, as ``["export", folder, "--progress", "json"]``
    process : a fresh one
    launch : from `worker.launch.job_command`: what it starts lives as long as its stdin is open
    on_progress : stage, fraction 0..1, seconds left (None while unknown)
    on_end : called once
    """

    def __init__(
        self,
        arguments: Sequence[object],
        process: ChildProcess,
        launch: Launch,
        on_end: Callable[[End], None],
        on_progress: Callable[[str, float, float | None], None] = lambda stage, fraction, left: None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.end: End | None = None
        self._process, self._on_end, self._on_progress, self._clock = process, on_end, on_progress, clock
        self._unread, self._output, self._errors = b"", "", ""
        self._cancelled_at: float | None = None
        self._process.start([*launch.command, *(str(word) for word in arguments)], launch.environment, self)

    def cancel(self) -> None:
        """Ask it to stop; it is killed if it does not within 3 s. No harm once it has ended."""
        if self.end is None and self._cancelled_at is None:
            self._cancelled_at = self._clock()
            self._process.close_stdin()

    def abandon(self) -> None:
        """End it, see it gone and hear no more of it."""
        self._on_end = lambda end: None
        self._on_progress = lambda stage, fraction, left: None
        self._process.close()

    def tick(self) -> None:
        """Call every 50 to 500 ms."""
        if self.end is None and self._cancelled_at is not None and self._clock() - self._cancelled_at > PATIENCE:
            self._process.kill()

    # What the child process tells (`worker.child.Listener`)

    def heard(self, data: bytes) -> None:
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._take(line.decode(errors="replace"))

    def complained(self, data: bytes) -> None:
        self._errors = (self._errors + data.decode(errors="replace"))[-KEPT:]

    def ended(self, exit_code: int | None, why: str) -> None:
        if self._unread:
            self._take(self._unread.decode(errors="replace"))
        cancelled = self._cancelled_at is not None and exit_code != 0
        details = (self._errors.strip() or why)[-8000:]
        self.end = End(exit_code, cancelled, self._output, self._sentence(exit_code, cancelled, why), details)
        if not self.end.done and not cancelled:
            log.warning("a job ended with exit code %s", exit_code)
        self._on_end(self.end)

    def _take(self, line: str) -> None:
        if line.startswith('{"stage"'):
            try:
                told = json.loads(line)
                self._on_progress(str(told["stage"]), float(told["fraction"]), told.get("seconds_left"))
                return
            except (ValueError, KeyError, TypeError):
                pass  # a line like any other
        self._output = (self._output + line + "\n")[-KEPT:]

    def _sentence(self, code: int | None, cancelled: bool, why: str) -> str:
        if code == 0:
            return ""
        if cancelled or code == CANCELLED:
            return words.cancelled()
        if code is None:
            return words.job_not_started(why)
        said = [line[len(PREFIX) :] for line in self._errors.splitlines() if line.startswith(PREFIX)]
        if said:
            return said[-1][:1].upper() + said[-1][1:]
        last = next((line.strip() for line in reversed(self._errors.splitlines()) if line.strip()), "")
        return words.job_failed(code, last)
