"""Which image of a case a name names: P1_t1ce, "Chest PET", CASE_0002."""

from __future__ import annotations

import re
from collections.abc import Sequence

# A word of a name as BraTS writes it, 2013 to 2023: the sequence's.
SEQUENCE = {
    **dict.fromkeys(("t1", "t1n"), "t1"),
    **dict.fromkeys(("t1c", "t1ce", "t1gd"), "t1c"),
    **dict.fromkeys(("t2", "t2w"), "t2"),
    **dict.fromkeys(("flair", "t2f"), "flair"),
}
WORD = re.compile(r"[^\W_]+")
NUMBER = re.compile(r"_(\d{4})$")  # nnU-Net: the channel's, from 0


def channel_named(name: str, channels: Sequence[str]) -> tuple[str, str] | None:
    """The channel that a name names by one of its words, the last one that does, and the rest of the name; or None.

    Two images of one case have the same rest.
    """
    number = NUMBER.search(name)
    if number and int(number[1]) < len(channels):
        return channels[int(number[1])], name[: number.start()]
    known = {_sequence(channel): channel for channel in channels}
    for word in reversed(list(WORD.finditer(name))):
        if _sequence(word[0]) in known:
            return known[_sequence(word[0])], name[: word.start()] + name[word.end() :]
    return None


def _sequence(word: str) -> str:
    return SEQUENCE.get(word.casefold(), word.casefold())
