"""Of values that come faster than they can be shown, the latest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Latest:
    """Calls `show` with the value put last, when the event loop has heard all that waits to be heard.

    after : called after each show
    """

    def __init__(self, show: Callable[[float], None], after: Callable[[], None] = lambda: None):
        self._show, self._after = show, after
        self._value: float | None = None
        self._task: asyncio.Task | None = None

    def put(self, value: float) -> None:
        self._value = value
        if self._task is None or self._task.done():
            self._task = asyncio.get_event_loop().create_task(self._work())

    def drop(self) -> None:
        """What waits is not to be shown any more."""
        self._value = None

    async def _work(self) -> None:
        while self._value is not None:
            value, self._value = self._value, None
            self._show(value)
            self._after()
            await asyncio.sleep(0.005)  # the views draw and newer values are heard
