"""The jobs of one user that are under way, and the Python that runs them."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from LungTumorSegLib.worker.child import ChildProcess
from LungTumorSegLib.worker.launch import Launch
from LungTumorSegLib.worker.private_folder import PrivateFolder
from LungTumorSegLib.workstation import words
from LungTumorSegLib.workstation.handing_on import hand_on
from LungTumorSegLib.workstation.host import Host
from LungTumorSegLib.workstation.job import End, Job

log = logging.getLogger(__name__)


class Jobs:
    """
    Parameters
    ----------
    launch : from `worker.launch.job_command`
    new_process : makes a fresh `ChildProcess`, one a job
    host : hears progress and failures
    """

    def __init__(self, launch: Launch, new_process: Callable[[], ChildProcess], host: Host):
        self.launch, self._new_process, self._host = launch, new_process, host
        self._running: list[Job] = []
        self._steps: list[tuple[Iterator[float], Callable[[], None], Callable[[str], None]]] = []
        self._folder: PrivateFolder | None = None

    @property
    def under_way(self) -> bool:
        return bool(self._running or self._steps)

    def run(
        self,
        arguments: Sequence[object],
        done: Callable[[End], None],
        not_done: Callable[[End], None] | None = None,
    ) -> Job:
        """Run a command; `done` where it ends with exit code 0, else `not_done`, which by default tells the host."""

        def ended(end: End) -> None:
            self._running.remove(job)
            self._hand_on(done if end.done else not_done or self.tell, end)

        job = Job(arguments, self._new_process(), self.launch, ended, self._progress)
        self._running.append(job)
        self._host.changed()
        return job

    def write(
        self, steps: Iterator[float], done: Callable[[], None], failed: Callable[[str], None] | None = None
    ) -> None:
        """Work off the steps, one a `tick`, none of which takes long; then call `done`, or `failed` with why."""
        self._steps.append((steps, done, failed or self._host.failed))
        self._host.changed()

    def tell(self, end: End) -> None:
        """What became of a job that was not done, to the host."""
        if end.cancelled:
            self._host.said(end.sentence)
        else:
            self._host.failed(end.sentence, end.details)

    def new_folder(self) -> Path:
        """A private folder for files on their way; all go with `close`, or with the next process."""
        if self._folder is None:
            self._folder = PrivateFolder("lungtumorseg-jobs-")
        return Path(tempfile.mkdtemp(dir=self._folder.path))

    def cancel(self) -> None:
        """Stop all that is under way; each job is told as cancelled."""
        steps, self._steps = self._steps, []
        for written, _done, _failed in steps:
            written.close()
        for job in list(self._running):
            job.cancel()
        if steps:
            self._host.said(words.cancelled())
            self._host.changed()

    def tick(self) -> None:
        for job in list(self._running):
            job.tick()
        if self._steps:
            self._step()

    def close(self) -> None:
        """The user goes: nothing is told any more, what runs is ended, files on their way are removed."""
        self._steps.clear()
        for job in self._running:
            job.abandon()
        self._running.clear()
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    def _step(self) -> None:
        steps, done, failed = self._steps[0]
        try:
            fraction = next(steps, None)
        except Exception as fault:  # the steps end with it: asked again, they would seem to have come to their end
            log.exception("the files could not be written")
            self._steps.pop(0)
            self._hand_on(failed, why_not_written(fault))
            return
        if fraction is None:
            self._steps.pop(0)
            self._hand_on(done)
        else:
            self._host.progress(words.progress(words.handing_over(), None), 0.2 * fraction)

    def _hand_on(self, tell: Callable[..., None], *what: object) -> None:
        hand_on(self._host.failed, tell, *what)
        self._host.changed()

    def _progress(self, stage: str, fraction: float, seconds_left: float | None) -> None:
        self._host.progress(words.progress(stage, seconds_left), fraction)


def why_not_written(fault: Exception) -> str:
    if isinstance(fault, OSError):
        return words.not_written(fault)
    return words.not_made(type(fault).__name__)
