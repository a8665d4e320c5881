"""The worker for hosts without Qt: a child process, threads that only move bytes, callbacks on the caller's thread.

>>> with WorkerClient(worker_command()) as client:
...     answer = client.wait(client.segment(volume))
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import threading
from collections import deque

from LungTumorSegLib.errors import Cancelled, InputRefused
from LungTumorSegLib.worker.conversation import Answer, Conversation, Request
from LungTumorSegLib.worker.launch import Launch

CHUNK = 1 << 20
LAST_WORDS = 20  # lines of stderr that are kept
NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)


class WorkerFault(Exception):
    """The worker failed; a fresh one starts with the next request. The message is one line for the user."""


class WorkerClient(Conversation):
    """A `Conversation` with a child process. Callbacks come from `poll` and `wait`, on the thread that calls these.

    Parameters
    ----------
    launch : from `launch.worker_command`.
    patience : keyword arguments of `Conversation`.
    """

    def __init__(self, launch: Launch, **patience):
        self._process = ProcessTransport(launch)
        super().__init__(self._process, launch.inline, **patience)

    def poll(self, timeout: float = 0.0) -> None:
        """Handle what has come from the worker; wait for the first of it up to `timeout` seconds.

        Call it every half second at least while a request is under way, or hang and Cancel are noticed late.
        """
        self._process.deliver(timeout)
        self.tick()

    def wait(self, request: Request) -> Answer:
        """Block until the request is finished. Ctrl-C cancels it.

        Raises
        ------
        InputRefused, Cancelled, WorkerFault
        """
        while not request.finished:
            try:
                self.poll(0.1)
            except KeyboardInterrupt:
                request.cancel()
        if request.failure is None:
            return request.answer
        error = {"refused": InputRefused, "cancelled": Cancelled, "fault": WorkerFault}[request.failure.kind]
        raise error(request.failure.message)

    def close(self) -> None:
        super().close()
        self._process.wait()

    def __enter__(self) -> WorkerClient:
        return self

    def __exit__(self, *_) -> None:
        self.close()


class ProcessTransport:
    """`Transport` over `subprocess`. `last_words`: the end of what the worker wrote to stderr before it ended."""

    def __init__(self, launch: Launch):
        self.last_words = ""
        self._launch = launch
        self._child: _Child | None = None
        self._events: queue.SimpleQueue = queue.SimpleQueue()
        self._conversation: Conversation | None = None

    def start(self, conversation: Conversation) -> None:
        self._conversation = conversation
        self._child = _Child(self._launch, self._events)

    def write(self, data: bytes | memoryview) -> None:
        if self._child is not None:
            self._child.outbox.put(data)

    def kill(self) -> None:
        if self._child is not None:
            self._child.process.kill()

    def wait(self) -> None:
        if self._child is not None:
            self._child.process.wait()

    def deliver(self, timeout: float) -> None:
        """Hand on what the threads have gathered."""
        with contextlib.suppress(queue.Empty):
            event = self._events.get(timeout > 0, timeout)
            while True:
                self._hand_on(*event)
                event = self._events.get_nowait()

    def _hand_on(self, child: _Child, data: bytes | None, exit_code: int, last_words: str) -> None:
        if child is not self._child:  # a reader that was stuck behind a grandchild and woke up late
            return
        if data is not None:
            self._conversation.received(data)
        else:
            self._child, self.last_words = None, last_words
            self._conversation.ended(exit_code, last_words)


class _Child:
    """One process and its threads. Each thread ends with the process."""

    def __init__(self, launch: Launch, events: queue.SimpleQueue):
        self.process = subprocess.Popen(
            launch.command, env=launch.environment, bufsize=0, creationflags=NO_WINDOW,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        self.outbox: queue.SimpleQueue = queue.SimpleQueue()
        self._events = events
        self._stderr: deque[str] = deque(maxlen=LAST_WORDS)
        self._readers = [self._thread(self._read_stdout), self._thread(self._read_stderr)]
        self._thread(self._write_stdin)  # of its own: a stopped worker does not read, and a full pipe blocks
        self._thread(self._await_end)

    def _thread(self, work) -> threading.Thread:
        thread = threading.Thread(target=work, name=f"worker {work.__name__}", daemon=True)
        thread.start()
        return thread

    def _read_stdout(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self.process.stdout.fileno(), CHUNK):
                self._events.put((self, data, 0, ""))

    def _read_stderr(self) -> None:
        for line in self.process.stderr:
            self._stderr.append(line.decode(errors="replace").rstrip())

    def _write_stdin(self) -> None:
        with contextlib.suppress(OSError):  # the process is gone, which `_await_end` tells
            while (data := self.outbox.get()) is not None:
                rest = memoryview(data)
                while rest:
                    rest = rest[os.write(self.process.stdin.fileno(), rest[:CHUNK]) :]

    def _await_end(self) -> None:
        exit_code = self.process.wait()
        for reader in self._readers:
            reader.join(1.0)  # not for ever: a grandchild may hold the pipe open
        self.outbox.put(None)
        self._events.put((self, None, exit_code, "\n".join(self._stderr)))
