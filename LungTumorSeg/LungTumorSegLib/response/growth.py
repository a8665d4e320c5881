"""How fast a lesion grows."""

from __future__ import annotations

import math


def doubling_days(volume_before: float, volume_after: float, days: float) -> float | None:
    """Volume doubling time in days: ``days * ln 2 / ln(after / before)`` (Schwartz, Cancer 1961;14:1272-1294).

    Negative for a lesion that shrinks (the time in which it halves); None where it has the same volume, a volume is
    zero, or no time passed. Volumes in one unit.
    """
    if days <= 0 or volume_before <= 0 or volume_after <= 0 or volume_before == volume_after:
        return None
    return days * math.log(2) / math.log(volume_after / volume_before)
