"""What a network may be asked for: the range of each argument. Cards come from strangers, so none is open-ended."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

MOST_INPUT_CHANNELS = 8
MOST_CLASSES = 8
WIDEST = 512
MOST_BLOCKS = 8
MOST_BASE_FILTERS = 64
MOST_DROPOUT = 0.9
FEATURE_SIZES = (12, 24, 36, 48)  # SwinUNETR wants multiples of 12; at 48 its weights take 237 MiB
NORMS = ("instance", "batch")


class Limit(NamedTuple):
    """right : (value, default) -> whether the value may be used. words : what it must be, with room for `len`."""

    right: Callable[[object, object], bool]
    words: str


def whole(largest: int, smallest: int = 1) -> Limit:
    return Limit(lambda value, _: is_whole(value, largest, smallest), f"a whole number from {smallest} to {largest}")


def wholes(largest: int) -> Limit:
    """As many whole numbers as the default has: another count would change the network's downsampling."""
    return Limit(
        lambda values, default: (
            isinstance(values, (list, tuple))
            and len(values) == len(default)
            and all(is_whole(value, largest) for value in values)
        ),
        f"{{len}} whole numbers from 1 to {largest}",
    )


def one_of(*known: object) -> Limit:
    return Limit(
        lambda value, _: any(type(value) is type(each) and value == each for each in known),
        f"one of {', '.join(map(str, known))}",
    )


LIMITS = {
    "input_channels": whole(MOST_INPUT_CHANNELS),
    "output_channels": whole(MOST_CLASSES + 1),
    "widths": wholes(WIDEST),
    "blocks": wholes(MOST_BLOCKS),
    "residual_units": whole(4, 0),
    "middle_blocks": whole(MOST_BLOCKS, 0),
    "base_filters": whole(MOST_BASE_FILTERS),
    "batch_norm": one_of(True, False),
    "norm": one_of(*NORMS),
    "feature_size": one_of(*FEATURE_SIZES),
    "dropout": Limit(
        lambda value, _: type(value) in (int, float) and 0 <= value <= MOST_DROPOUT,
        f"a number from 0 to {MOST_DROPOUT}",
    ),
}


def wrong(name: str, value: object, default: object) -> str | None:
    """What the argument must be, where the value is not; otherwise None."""
    limit = LIMITS[name]
    if limit.right(value, default):
        return None
    return limit.words.format(len=len(default) if isinstance(default, tuple) else 1)


def is_whole(value: object, largest: int, smallest: int = 1) -> bool:
    """True for an int in that range; a bool is none."""
    return type(value) is int and smallest <= value <= largest
