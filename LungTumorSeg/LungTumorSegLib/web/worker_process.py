"""The worker as a child of the page's own event loop: the `Transport` of a conversation without threads and Qt."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from LungTumorSegLib.worker.launch import Launch

CHUNK = 1 << 20
STDERR_KEPT = 8000  # characters


class WorkerProcess:
    """
    Parameters
    ----------
    launch : from `worker.launch.worker_command`
    heard : called after the conversation has heard something, so that what it changed reaches the browser

    Attributes
    ----------
    last_words : the end of what the worker wrote to stderr, for the details of a failure.
    """

    def __init__(self, launch: Launch, heard: Callable[[], None] = lambda: None):
        self.last_words = ""
        self._launch, self._heard = launch, heard
        self._outbox: list[bytes] = []  # written before the process was there
        self._process: asyncio.subprocess.Process | None = None
        self._life: asyncio.Task | None = None

    def start(self, conversation) -> None:
        """See `Transport`."""
        self.last_words = ""
        self._outbox.clear()
        self._life = asyncio.get_event_loop().create_task(self._live(conversation))

    def write(self, data: bytes | memoryview) -> None:
        if self._process is None:
            self._outbox.append(bytes(data))
        else:
            with contextlib.suppress(OSError, RuntimeError):  # it is gone, which `_live` tells
                self._process.stdin.write(bytes(data))

    def kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def close(self) -> None:
        """End the process and see it gone."""
        self.kill()
        if self._life is not None:
            await asyncio.wait({self._life}, timeout=3.0)

    async def _live(self, conversation) -> None:
        try:
            process = await asyncio.create_subprocess_exec(
                *self._launch.command, env=self._launch.environment, limit=CHUNK,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            )  # fmt: skip
        except OSError as error:
            self.last_words = f"{error.strerror}: {error.filename}"
            conversation.ended(None, self.last_words)
            self._heard()
            return
        self._process = process
        for data in self._outbox:
            process.stdin.write(data)
        self._outbox.clear()
        listening = asyncio.create_task(self._listen(process))
        while data := await process.stdout.read(CHUNK):
            conversation.received(data)
            self._heard()
        exit_code = await process.wait()
        await asyncio.wait({listening}, timeout=1.0)  # not for ever: a grandchild may hold the pipe open
        self._process = None
        conversation.ended(exit_code, self.last_words)
        self._heard()

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        while data := await process.stderr.read(CHUNK):
            self.last_words = (self.last_words + data.decode(errors="replace"))[-STDERR_KEPT:]
