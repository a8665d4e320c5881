"""Long work in steps, for a host whose windows must not stand still: a generator that yields after each step, and
returns what there is in the end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import wraps
from typing import ParamSpec, TypeVar

Asked = ParamSpec("Asked")
Found = TypeVar("Found")
Steps = Generator[None, None, Found]


def finished(steps: Steps[Found]) -> Found:
    """Go all steps at once; returns what they return."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def at_once(stepping: Callable[Asked, Steps[Found]]) -> Callable[Asked, Found]:
    """The same work for those who can wait: a function that goes all steps, and returns what they return."""

    @wraps(stepping)
    def work(*arguments: Asked.args, **named: Asked.kwargs) -> Found:
        return finished(stepping(*arguments, **named))

    return work
