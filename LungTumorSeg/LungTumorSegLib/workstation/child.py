"""A job's process by Python's own means, for hosts without Qt: threads that only move bytes."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import threading
from collections.abc import Sequence

from LungTumorSegLib.workstation.job import Job

CHUNK = 1 << 16
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


class Child:
    """A `ChildProcess`. Somebody's timer calls `deliver`, on the thread that owns the job."""

    def __init__(self):
        self._process: subprocess.Popen | None = None
        self._job: Job | None = None
        self._events: queue.SimpleQueue = queue.SimpleQueue()

    def start(self, command: Sequence[str], environment: dict[str, str] | None, job: Job) -> None:
        self._job = job
        try:
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                bufsize=0, creationflags=NO_WINDOW,
            )  # fmt: skip
        except OSError as error:
            self._events.put((job.ended, None, f"{error.strerror}: {command[0]}"))
            return
        readers = [
            threading.Thread(target=self._read, args=(pipe, hear), daemon=True)
            for pipe, hear in ((self._process.stdout, job.heard), (self._process.stderr, job.complained))
        ]
        for thread in [*readers, threading.Thread(target=self._await_end, args=(readers,), daemon=True)]:
            thread.start()

    def deliver(self, timeout: float = 0.0) -> None:
        """Hand on what has come; wait for the first of it up to `timeout` seconds."""
        with contextlib.suppress(queue.Empty):
            call, *arguments = self._events.get(timeout > 0, timeout)
            while True:
                call(*arguments)
                call, *arguments = self._events.get_nowait()

    def interrupt(self) -> None:
        if self._process is None:
            return
        if os.name == "nt":
            self._process.kill()
        else:
            self._process.send_signal(signal.SIGINT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()

    def _read(self, pipe, hear) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(pipe.fileno(), CHUNK):
                self._events.put((hear, data))

    def _await_end(self, readers: list[threading.Thread]) -> None:
        exit_code = self._process.wait()
        for reader in readers:
            reader.join(1.0)  # not for ever: a grandchild may hold the pipe open
        self._process.stdout.close()
        self._process.stderr.close()
        self._events.put((self._job.ended, exit_code, ""))
