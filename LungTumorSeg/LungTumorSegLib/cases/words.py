"""How numbers of things are said."""

from __future__ import annotations


def counted(number: int, thing: str) -> str:
    """1 case, 2 cases."""
    return f"{number} {thing}" + "s" * (number != 1)
