"""Millimetres compared exactly.

Binary fractions spoil boundaries: ``6 / 5 - 1 >= 0.2`` is false, and a length of 8.7 mm is measured as
8.700000000000001. Each value is therefore taken to the millionth of a millimetre, and compared as a fraction of whole
numbers: a sum of 60 mm is at least 20 % above one of 50 mm, and one of 59.999 mm is not.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction


def exact(mm: float) -> Fraction:
    """The decimal of six places that is nearest."""
    return Fraction(f"{mm:.6f}")


def exact_sum(values_mm: Iterable[float]) -> Fraction:
    """The sum of these decimals."""
    return sum((exact(mm) for mm in values_mm), Fraction(0))


def fell_by(value: Fraction, reference: Fraction, percent: int) -> bool:
    """True where the value lies at least so many per cent below the reference."""
    return 100 * value <= (100 - percent) * reference


def rose_by(value: Fraction, reference: Fraction, percent: int) -> bool:
    """True where the value lies at least so many per cent above the reference, and above it at all."""
    return value > reference and 100 * value >= (100 + percent) * reference


def percent_change(value: Fraction, reference: Fraction) -> float | None:
    """In per cent of the reference; None where that is zero. To be shown, never to be compared."""
    return float(100 * (value - reference) / reference) if reference else None
