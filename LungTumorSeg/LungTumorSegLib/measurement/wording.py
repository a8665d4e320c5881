"""Measures as words, the same wherever they are shown."""

from __future__ import annotations

DISCLAIMER = "Research software, not a medical device."


def diameter(value_mm: float, interval_mm: tuple[float, float] | None = None) -> str:
    """ "12.3 (11.8-13.0)": a diameter to 0.1 mm, with its range over thresholds where there is one."""
    if interval_mm is None:
        return f"{value_mm:.1f}"
    return f"{value_mm:.1f} ({interval_mm[0]:.1f}-{interval_mm[1]:.1f})"


def density(mean_hu: float | None, unknown: str = "") -> str:
    """ "-50": Hounsfield units to a whole number, never "-0"; `unknown` where no CT was given."""
    return unknown if mean_hu is None else f"{mean_hu:z.0f}"
