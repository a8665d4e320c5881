"""The stages of a request: how long each takes, how far the whole is, and whether the user still wants it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from LungTumorSegLib.errors import Cancelled


class Stages:
    """progress : called with (stage, fraction of the whole request). cancelled : asked at every step."""

    def __init__(self, progress: Callable[[str, float], None], cancelled: Callable[[], bool]):
        self.progress = progress
        self.cancelled = cancelled
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str, begin: float, end: float) -> Iterator[Callable[[float], None]]:
        """Times a stage that leads from one fraction of the whole to another.

        Gives a function to be called with the stage's own fraction; it raises `Cancelled`.
        """

        def step(fraction: float) -> None:
            if self.cancelled():
                raise Cancelled
            self.progress(name, begin + (end - begin) * fraction)

        started = time.perf_counter()
        step(0.0)
        try:
            yield step
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


def unheard(stage: str, fraction: float) -> None:
    """Progress that nobody wants to know."""


def unstoppable() -> bool:
    """Nobody can cancel."""
    return False
