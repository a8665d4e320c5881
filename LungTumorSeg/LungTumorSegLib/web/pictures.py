"""When which view is drawn, and when its picture is sent to the browser.

All views draw on the event loop's thread, and a browser that draws in software shows pictures slower than they are
drawn. So one view is drawn at a turn of the loop, and what the user does meanwhile is heard; slice views come first,
the 3D view when they rest; a view whose last picture the browser has not shown yet is not drawn, so that the next one
shows the latest state; a picture equal to the one before is not sent.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from time import monotonic

import numpy as np
from trame_rca.encoders import RcaImageEncoder
from trame_rca.schedulers import RcaImageRenderScheduler

log = logging.getLogger(__name__)

MOVING, STILL = 75, 90  # quality of the JPEG while moving, and at rest
BETWEEN = 1 / 30  # s, at least, between two pictures of a view
REST = 0.17  # s without another picture after which a view rests, and its picture is sent sharper
PATIENCE = 0.5  # s after which the browser is taken to have shown a picture: a page in the background tells nothing
SPACE_REST = 0.25  # s without another slice picture after which the 3D view is drawn
SOON = 0.005  # s
TOUCHED = 0.5  # s for which the view that the mouse acts on does not wait


class Pictures(RcaImageRenderScheduler):
    """Those of one view.

    Parameters
    ----------
    window : draws
    turns : all views'
    waits : for the other views to rest
    """

    def __init__(self, window, turns: Turns, waits: bool):
        super().__init__(
            window, interactive_quality=MOVING, still_quality=STILL, rca_encoder=RcaImageEncoder.TURBO_JPEG
        )
        self.waits = waits
        self.visible = True
        self._turns = turns
        self._picture: np.ndarray | None = None  # what the browser has or is about to have
        self._quality = STILL
        self._drawn = self._touched = 0.0  # monotonic seconds
        self._sent: float | None = None  # since when a picture is on its way
        turns.add(self)

    def schedule_render(self) -> None:
        """A picture is wanted in any case: the browser is new, or the view has another size."""
        self._picture = self._sent = None
        self.look()

    def look(self) -> None:
        """What is seen may have changed."""
        self._turns.ask(self)

    def touch(self) -> None:
        """The mouse acts on the view."""
        self._touched = monotonic()

    def shown(self) -> None:
        """The browser shows the last picture."""
        self._sent = None
        self._turns.wake()

    @property
    def on_its_way(self) -> bool:
        return self._sent is not None and monotonic() < self._sent + PATIENCE

    @property
    def changed_at(self) -> float:
        """When the last picture that was another one was drawn, monotonic s."""
        return self._drawn

    def may_draw_at(self, slices_changed: float) -> float:
        """Monotonic s."""
        at = self._drawn + BETWEEN
        if self.on_its_way:
            at = max(at, self._sent + PATIENCE)
        if self.waits and monotonic() > self._touched + TOUCHED:
            at = max(at, slices_changed + SPACE_REST)
        return at

    def draw(self) -> None:
        """Draw, and send the picture if it is another one."""
        picture, cols, rows = self._rca.img_cols_rows
        if self._picture is None or not np.array_equal(picture, self._picture):
            self._picture, self._drawn = picture, monotonic()
            self._send(picture, cols, rows, MOVING)

    @property
    def sharper_at(self) -> float | None:
        """When the picture is to be sent sharper, monotonic s; None where it is sharp."""
        return None if self._quality >= STILL or self._picture is None else self._drawn + REST

    def sharpen(self) -> None:
        self._send(self._picture, self._picture.shape[1], self._picture.shape[0], STILL)

    async def _render(self) -> None:
        """The turns draw."""

    def _send(self, picture: np.ndarray, cols: int, rows: int, quality: int) -> None:
        self._quality, self._sent = quality, monotonic()
        loop = asyncio.get_running_loop()
        encoded = loop.run_in_executor(self._encode_pool, self._rca_encoder.encode, picture, cols, rows, quality)
        self._push_queue.put_nowait(encoded)


class Turns:
    """Which view is drawn next."""

    def __init__(self):
        self._views: list[Pictures] = []
        self._asking: list[Pictures] = []
        self._awake = asyncio.Event()
        self._task: asyncio.Task | None = None

    def add(self, view: Pictures) -> None:
        self._views.append(view)

    def ask(self, view: Pictures) -> None:
        """The view wants to be drawn."""
        if view not in self._asking:
            self._asking.append(view)
        self.wake()

    def wake(self) -> None:
        """Something came for which a view may have waited."""
        self._awake.set()
        if self._task is None:
            self._task = asyncio.get_event_loop().create_task(self._work())

    @property
    def behind(self) -> bool:
        """A slice view that is seen is to be drawn, or the browser is still to show its picture."""
        slices = [view for view in self._views if view.visible and not view.waits]
        return any(view in self._asking or view.on_its_way for view in slices)

    async def caught_up(self) -> None:
        """Wait until the browser shows the slice views as they are now, but no longer than PATIENCE."""
        until = monotonic() + PATIENCE
        while self.behind and monotonic() < until:
            await asyncio.sleep(SOON)

    async def _work(self) -> None:
        while True:
            await self._wait()
            self._awake.clear()
            try:
                self._turn()
            except Exception:  # the other views must go on
                log.exception("a view could not be drawn")
            await asyncio.sleep(0)  # pictures leave, what the user does is heard

    async def _wait(self) -> None:
        """Until a view is due, or something came."""
        due = [at for at, _ in self._due()]
        if not due:
            await self._awake.wait()
        elif (seconds := min(due) - monotonic()) > 0:
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._awake.wait(), seconds)

    def _turn(self) -> None:
        """One view's picture, where one is due."""
        for at, view in sorted(self._due(), key=lambda one: (one[1].waits, self._views.index(one[1]))):
            if at <= monotonic():
                if view in self._asking:
                    self._asking.remove(view)
                    view.draw()
                else:
                    view.sharpen()
                return

    def _due(self) -> list[tuple[float, Pictures]]:
        """When which of the views that are seen is to be drawn or sharpened, monotonic s."""
        changed = max((view.changed_at for view in self._views if not view.waits), default=0.0)
        due = []
        for view in self._views:
            if view.visible and view in self._asking:
                due.append((view.may_draw_at(changed), view))
            elif view.visible and view.sharper_at is not None:
                due.append((view.sharper_at, view))
        return due
