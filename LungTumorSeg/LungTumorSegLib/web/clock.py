"""The session's clock: what is done in steps goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from trame_server.utils.typed_state import TypedState

from LungTumorSegLib.web.state import PageState
from LungTumorSegLib.workstation.desk import Desk

log = logging.getLogger(__name__)

TICK, IDLE_TICK = 0.1, 0.3  # s


class Clock:
    """Quick while something is waited for; else slow, for an idle page is to cost nothing."""

    def __init__(self, server, desk: Desk):
        self._server, self._desk, self._page = server, desk, TypedState(server.state, PageState)
        self._hands: list[Callable[[float], None]] = []

    def add(self, hand: Callable[[float], None]) -> None:
        """Call it at every tick, with the seconds since the last one."""
        self._hands.append(hand)

    async def run(self) -> None:
        """For as long as the session lasts."""
        while True:
            seconds = TICK if self._page.data.working or self._desk.unsettled else IDLE_TICK
            await asyncio.sleep(seconds)
            with self._server.state:
                try:
                    self._tick(seconds)
                except Exception:  # the clock must go on
                    log.exception("a step of the session's clock failed")

    def _tick(self, seconds: float) -> None:
        for hand in self._hands:
            hand(seconds)
