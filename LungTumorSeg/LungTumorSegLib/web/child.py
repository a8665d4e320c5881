"""A child process, the worker or a job, that is heard on the page's own event loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence

from LungTumorSegLib.worker.child import Child, Listener


class PageChild(Child):
    """Delivers by itself, as soon as something comes; what that changed reaches the browser. server : the page's."""

    def __init__(self, server):
        super().__init__(self._call)
        self._server = server
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self, command: Sequence[str], environment: dict[str, str] | None, listener: Listener) -> None:
        self._loop = asyncio.get_event_loop()
        super().start(command, environment, listener)

    def _call(self) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed, the page gone
            self._loop.call_soon_threadsafe(self._deliver)

    def _deliver(self) -> None:
        with self._server.state:
            self.deliver()
