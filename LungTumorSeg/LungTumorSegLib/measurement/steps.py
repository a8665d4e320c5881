"""Long work in steps, for a host whose windows must not stand still: a generator that yields after each step, and
returns what there is in the end."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

Found = TypeVar("Found")
Steps = Generator[None, None, Found]


def finished(steps: Steps[Found]) -> Found:
    """Go all steps at once; returns what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
