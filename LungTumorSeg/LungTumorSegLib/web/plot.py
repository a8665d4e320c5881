"""A small line plot as a drawing (SVG) for the page's dark ground: axes with units, lines, names at their ends."""

from __future__ import annotations

import math
from collections.abc import Sequence
from xml.sax.saxutils import escape, quoteattr

GROUND, HAIRLINE, FAINT, TEXT = "#14171c", "#2a2f38", "#9aa3af", "#d6dae0"
SIZE = 11  # px of the letters
ABOVE, BELOW = 20, 34  # px beside the frame, for the units and for what stands across


class Plot:
    """
    Parameters
    ----------
    width, height : px, of the whole; it is scaled to the width that there is
    left, right : px beside the frame, for the numbers and for the names
    across, up : (lowest, highest) of the values
    """

    def __init__(
        self, width: int, height: int, left: int, right: int, across: tuple[float, float], up: tuple[float, float]
    ):
        self._width, self._height = width, height
        self._frame = left, width - right, height - BELOW, ABOVE  # left, right, bottom, top
        self._across, self._up = across, up
        self._parts: list[str] = []
        self._names: list[tuple[float, str, str]] = []  # y in px, words, colour

    def scale(self, unit: str, digits: int = 0) -> None:
        """Lines across at round values, numbers at their left, the unit above them."""
        left, right, _, top = self._frame
        for value in round_values(*self._up):
            y = self._y(value)
            self._parts.append(f'<path d="M{left},{y:.1f} H{right}" stroke="{HAIRLINE}"/>')
            self.words(f"{value:.{digits}f}", left - 6, y + 4, FAINT, "end")
        self.words(unit, left - 6, top - 9, FAINT, "end")

    def stations(self, places: Sequence[float], words: Sequence[str], what: str = "") -> None:
        """Words below the frame at these values, as many as have room; what they are at the lower right."""
        left, right, bottom, _ = self._frame
        until = -math.inf
        for n, (place, word) in enumerate(zip(places, words, strict=True)):
            half = 0.29 * SIZE * len(word)
            x = min(max(self._x(place), half), self._width - half)
            last = n == len(places) - 1
            if x - half > until and (last or len(places) < 3 or x + half < self._x(places[-1]) - half):
                self.words(word, x, bottom + 15, TEXT, "middle")
                until = x + half + 8
            self._parts.append(f'<path d="M{self._x(place):.1f},{bottom} v4" stroke="{FAINT}"/>')
        self.words(what, (left + right) / 2, bottom + 30, FAINT, "middle")

    def line(self, xs, ys, colour: str, name: str, bold: bool = False, dashed: bool = False) -> None:
        """Where a value is missing (None or not a number) the line has a gap."""
        points = [None if y is None or math.isnan(y) else (self._x(x), self._y(y)) for x, y in zip(xs, ys, strict=True)]
        path, pen = [], "M"
        for point in points:
            if point is None:
                pen = "M"
            else:
                path.append(f"{pen}{point[0]:.1f},{point[1]:.1f}")
                pen = "L"
        dashes = ' stroke-dasharray="5 4"' if dashed else ""
        self._parts.append(
            f'<path d="{" ".join(path)}" stroke="{colour}" stroke-width="{2.5 if bold else 1.5}" fill="none"{dashes}/>'
        )
        seen = [point for point in points if point is not None]
        if not dashed and len(seen) <= 30:
            self._parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{3.5 if bold else 2.5}" fill="{colour}"/>'
                            for x, y in seen]  # fmt: skip
        if seen and name:
            self._names.append((seen[-1][1], name, colour))

    def words(self, text: str, x: float, y: float, colour: str, anchor: str = "start") -> None:
        if text:
            self._parts.append(
                f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(text)}</text>'
            )

    def drawing(self, says: str) -> str:
        """The whole as text; `says` is read to who does not see it."""
        left, right, bottom, top = self._frame
        frame = f'<path d="M{left},{top} V{bottom} H{right}" stroke="{FAINT}" fill="none"/>'
        names = sorted(self._names)
        for y, (_, name, colour) in zip(spread([y for y, _, _ in names], SIZE + 3, bottom), names, strict=True):
            self.words(name, right + 8, y + 4, colour)
        return (
            f'<svg viewBox="0 0 {self._width} {self._height}" role="img" aria-label={quoteattr(says)} '
            f'style="width: 100%; display: block" font-size="{SIZE}" font-family="Roboto, sans-serif" '
            f'fill="none">{frame}{"".join(self._parts)}</svg>'
        )

    def _x(self, value: float) -> float:
        left, right, _, _ = self._frame
        low, high = self._across
        return left + 8 + (right - left - 16) * (value - low) / ((high - low) or 1)

    def _y(self, value: float) -> float:
        _, _, bottom, top = self._frame
        low, high = self._up
        return bottom - (bottom - top) * (value - low) / ((high - low) or 1)


def round_values(low: float, high: float, most: int = 5) -> list[float]:
    """At most so many multiples of 1, 2 or 5 times a power of ten, from low to high."""
    rough = (high - low) / most or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * n for n in (1, 2, 5, 10) if power * n >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [step * n for n in range(first, math.floor(high / step + 1e-9) + 1)]


def spread(places: list[float], apart: float, lowest: float) -> list[float]:
    """Rising places moved as little as leaves them so far apart, none beyond the lowest (in px: the greatest)."""
    moved: list[float] = []
    for place in places:
        moved.append(max(place, moved[-1] + apart) if moved else place)
    for n in range(len(moved) - 1, -1, -1):
        moved[n] = min(moved[n], lowest if n == len(moved) - 1 else moved[n + 1] - apart)
    return moved
