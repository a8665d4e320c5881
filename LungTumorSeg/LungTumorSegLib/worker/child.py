"""A child process, the worker or a job, by Python's own means, for hosts without Qt: threads that only move bytes."""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

CHUNK = 1 << 20
TURNS = 20  # in which a reader hands on what is still in the pipe of a process that is gone
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


class Listener(Protocol):
    """Hears a child process, on the thread that owns it."""

    def heard(self, data: bytes) -> None:
        """What came on its stdout."""

    def complained(self, data: bytes) -> None:
        """What came on its stderr."""

    def ended(self, exit_code: int | None, why: str) -> None:
        """Once, after all else, when it is gone: `exit_code` as of `subprocess` (-9 for signal 9). None where it did
        not start, with `why` in words."""


class ChildProcess(Protocol):
    """Runs one process at a time; `desktop` has one of Qt's, for the others there is `Child`. Never blocks the caller
    (but `close`), and never calls the listener from inside any of these."""

    def start(self, command: Sequence[str], environment: dict[str, str] | None, listener: Listener) -> None:
        """Start it. Not before the last one has `ended`."""

    def write(self, data: bytes | memoryview) -> None:
        """Queue bytes for its stdin; they are copied or kept. Nothing happens if the process is gone."""

    def close_stdin(self) -> None:
        """No more will be written; what runs by `worker.hosted` is cancelled."""

    def kill(self) -> None:
        """End it now. `ended` follows; nothing happens if it is gone. Of a launcher such as Slicer's PythonSlicer the
        launcher alone is killed: its stdin is closed, too, at which the Python behind it ends by itself."""

    def close(self) -> None:
        """End it and see it gone. Nothing more is told."""


class Child:
    """A `ChildProcess`. Somebody's timer calls `deliver`, on the thread that owns the listener.

    Parameters
    ----------
    wake : called, on another thread, when there is something to deliver

    Attributes
    ----------
    process : None where none runs.
    """

    def __init__(self, wake: Callable[[], None] = lambda: None):
        self.process: subprocess.Popen | None = None
        self._wake = wake
        self._new_queues()

    def start(self, command: Sequence[str], environment: dict[str, str] | None, listener: Listener) -> None:
        self._new_queues()
        try:
            self.process = process = subprocess.Popen(
                command, env=environment, bufsize=0, creationflags=NO_WINDOW,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            self._put(self._events, listener.ended, None, f"{error.strerror}: {command[0]}")
            return
        readers = [
            _thread(self._read, pipe, self._events, hear)
            for pipe, hear in ((process.stdout, listener.heard), (process.stderr, listener.complained))
        ]
        _thread(_write, process.stdin, self._outbox)  # of its own: who does not read fills the pipe, which blocks
        _thread(self._await_end, process, readers, self._events, self._outbox, listener)

    def deliver(self, timeout: float = 0.0) -> None:
        """Hand on what has come; wait for the first of it up to `timeout` seconds."""
        with contextlib.suppress(queue.Empty):
            call, *arguments = self._events.get(timeout > 0, timeout)
            while True:
                call(*arguments)
                call, *arguments = self._events.get_nowait()

    def write(self, data: bytes | memoryview) -> None:
        self._outbox.put(data)

    def close_stdin(self) -> None:
        self._outbox.put(None)

    def kill(self) -> None:
        if self.process is not None:
            self.close_stdin()
            self.process.kill()

    def close(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        self._new_queues()

    def _new_queues(self) -> None:
        """A reader that was stuck behind a grandchild and wakes up late has the old ones, which nobody reads."""
        self._events: queue.SimpleQueue = queue.SimpleQueue()
        self._outbox: queue.SimpleQueue = queue.SimpleQueue()

    def _put(self, events: queue.SimpleQueue, *event) -> None:
        events.put(event)
        self._wake()

    def _read(self, pipe, events: queue.SimpleQueue, hear: Callable[[bytes], None]) -> None:
        with contextlib.suppress(OSError), pipe:
            while data := os.read(pipe.fileno(), CHUNK):
                self._put(events, hear, data)

    def _await_end(self, process, readers: list[threading.Thread], events, outbox, listener: Listener) -> None:
        exit_code = process.wait()
        for reader in readers:  # not for ever: a grandchild may hold the pipe open
            for _turn in range(TURNS):  # nor once: a host that renders keeps all of its threads waiting for seconds
                reader.join(1.0 / TURNS)
        outbox.put(None)
        self._put(events, self._end, listener, exit_code)

    def _end(self, listener: Listener, exit_code: int) -> None:
        self.process = None
        listener.ended(exit_code, "")


def _write(pipe, outbox: queue.SimpleQueue) -> None:
    with contextlib.suppress(OSError), pipe:  # the process is gone, which `_await_end` tells
        while (data := outbox.get()) is not None:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(pipe.fileno(), rest[:CHUNK]) :]


def _thread(work: Callable[..., None], *arguments) -> threading.Thread:
    """It ends with the process."""
    thread = threading.Thread(target=work, args=arguments, daemon=True)
    thread.start()
    return thread
