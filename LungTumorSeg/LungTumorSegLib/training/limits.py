"""What the values of a recipe may be: each limit takes a value as TOML gives it and returns it ready for use."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import field

from LungTumorSegLib.errors import InputRefused

Limit = Callable[[object], object]
OWN = "own"


class Wrong(ValueError):
    """The message says what the value must be."""


def key(limit: Limit, default: object):
    """A field of a recipe's table with its default and its limit."""
    return field(default=default, metadata={"limit": limit})


def read(limit: Limit, name: str, value: object) -> object:
    """The value, ready for use; `InputRefused` names the key and what it may be."""
    try:
        return limit(value)
    except Wrong as wrong:
        raise InputRefused(f"recipe: {name} = {str(value)[:60]!r}: must be {wrong}") from None


def number(lowest: float, highest: float) -> Limit:
    def limit(value):
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not lowest <= value <= highest:
            raise Wrong(f"a number from {lowest:g} to {highest:g}")
        return float(value)

    return limit


def whole(lowest: int, highest: int) -> Limit:
    def limit(value):
        if type(value) is not int or not lowest <= value <= highest:
            raise Wrong(f"a whole number from {lowest} to {highest}")
        return value

    return limit


def one_of(*known: object) -> Limit:
    def limit(value):
        if type(value) is int and str(value) in known:  # `--set run.precision=32`, where "32" is meant
            return str(value)
        if value not in known or isinstance(value, bool):
            raise Wrong(f"one of {', '.join(map(str, known))}")
        return value

    return limit


def some_of(*known: str) -> Limit:
    def limit(value):
        if not isinstance(value, (list, tuple)) or any(each not in known for each in value):
            raise Wrong(f"a list of {', '.join(known)}, or an empty one")
        return tuple(value)

    return limit


def text(longest: int) -> Limit:
    def limit(value):
        if not isinstance(value, str) or len(value) > longest:
            raise Wrong(f"words, at most {longest} letters")
        return value

    return limit


def named(value: object) -> dict:
    """Named values for a network or a loss, which judge them."""
    if not isinstance(value, dict):
        raise Wrong("a table of named values")
    return value


def either(words: str, limit: Limit) -> Limit:
    """The word (as None unless it is "find") or what the limit allows."""

    def both(value):
        if value == words:
            return None if words == OWN else words
        try:
            return limit(value)
        except Wrong as wrong:
            raise Wrong(f'"{words}" or {wrong}') from None

    return both


def sizes(lengths: tuple[int, ...], each: Limit) -> Limit:
    """A list as long as one of `lengths`, of what `each` allows."""

    def limit(values):
        if not isinstance(values, (list, tuple)) or len(values) not in lengths:
            raise Wrong(f"a list of {' or '.join(map(str, lengths))} values")
        return tuple(each(value) for value in values)

    return limit


def span(lowest: float, highest: float) -> Limit:
    """Two numbers, the smaller first."""
    pair = sizes((2,), number(lowest, highest))

    def limit(values):
        first, last = pair(values)
        if first >= last:
            raise Wrong("two numbers, the smaller first")
        return first, last

    return limit
