"""Of values that come faster than they can be shown, the latest."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

REST = 0.4  # s without a new value after which the hand rests


class Latest:
    """Shows the value put last, each when the one before was seen; then waits for rest.

    Parameters
    ----------
    show : called with a value while the hand moves
    rested : called when no value has come for REST seconds
    after : called after each of the two
    seen : awaited after each value: the next is shown when the user has seen this one
    """

    def __init__(
        self,
        show: Callable[[float], None],
        rested: Callable[[], None],
        after: Callable[[], None],
        seen: Callable[[], Awaitable[None]],
    ):
        self._show, self._rested, self._after, self._seen = show, rested, after, seen
        self._value: float | None = None
        self._task: asyncio.Task | None = None
        self._came = asyncio.Event()

    @property
    def moving(self) -> bool:
        """The hand has not rested yet."""
        return self._task is not None and not self._task.done()

    def put(self, value: float) -> None:
        self._value = value
        self._came.set()
        if not self.moving:
            self._task = asyncio.get_event_loop().create_task(self._work())

    def settle(self) -> None:
        """Show the value that waits, seen or not, and rest: somebody needs what it makes."""
        if self.moving:
            self._task.cancel()
            self._task = None  # what is put next must not wait for a task that is going
            if self._came.is_set():
                self._came.clear()
                self._show(self._value)
            self._rested()
            self._after()

    async def _work(self) -> None:
        while self._came.is_set():
            self._came.clear()
            self._show(self._value)
            self._after()
            await self._seen()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._came.wait(), REST)
        self._rested()
        self._after()
