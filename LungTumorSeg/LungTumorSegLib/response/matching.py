"""Which lesion of one date is which of another.

After registration a lesion lies near its old place, but breathing shifts it by some millimetres and it changes size.
Distances are therefore taken relative to a reach: the breathing allowed for plus both radii. Pairs are one to one and
minimise the sum over all lesions (Kuhn 1955; scipy), where leaving a pair apart costs as much as a pair at the reach.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

BREATHING_MM = 15.0  # what a rigid registration of the lungs may leave, more near the diaphragm
CLEAR = 0.35  # the next best assignment must cost so much more (1 = a pair at its reach), or the pair is doubtful
SPLIT_VOLUME = 1.5  # fragments may together hold so many times the volume that they came from
NEVER = 1e6  # the cost of what is not allowed


@dataclass(frozen=True)
class Place:
    """Where a lesion lies: centre in the baseline's LPS mm, radius of the sphere of its volume, radius of its hull."""

    number: int
    centre: tuple[float, float, float]
    radius_mm: float
    hull_mm: float

    @property
    def volume(self) -> float:
        return self.radius_mm**3


@dataclass(frozen=True)
class Pairing:
    """Lesions (numbers of `before`) and what became of them (numbers of `after`).

    pairs : before -> after, one to one. distance_mm : of a pair's centres after registration.
    splits : before -> its further fragments. merged : before -> the after-lesion that it became one with (which also
        is the pair of another).
    gone, new : what is left on either side.
    doubts : before- or, for new ones, negative after-number -> why a person should look.
    """

    pairs: dict[int, int] = field(default_factory=dict)
    distance_mm: dict[int, float] = field(default_factory=dict)
    splits: dict[int, tuple[int, ...]] = field(default_factory=dict)
    merged: dict[int, int] = field(default_factory=dict)
    gone: tuple[int, ...] = ()
    new: tuple[int, ...] = ()
    doubts: dict[int, str] = field(default_factory=dict)

    def hand_over(self, part: int, whole: int) -> None:
        """Where the merged `part` was paired and the `whole` that it had become part of was not, it is the other way
        round: what is there is what is left of the whole."""
        if part in self.pairs and whole not in self.pairs:
            for told in (self.pairs, self.distance_mm, self.splits, self.doubts):
                told.pop(whole, None)
                if part in told:
                    told[whole] = told.pop(part)


def match(before: list[Place], after: list[Place], breathing_mm: float = BREATHING_MM) -> Pairing:
    """Pair the lesions of two dates.

    Parameters
    ----------
    before, after : places in one coordinate system (see `Alignment.to_baseline`).
    breathing_mm : how far a lesion may lie from its old place, its own size aside.
    """
    cost, distance = costs(before, after, breathing_mm)
    rows, columns = assigned(cost)
    whole = total(cost, rows, columns)
    pairs = {before[r].number: after[c].number for r, c in zip(rows, columns, strict=True)}
    apart = {before[r].number: float(distance[r, c]) for r, c in zip(rows, columns, strict=True)}
    doubts = {}
    for r, c in zip(rows, columns, strict=True):
        without = cost.copy()
        without[r, c] = NEVER
        if total(without, *assigned(without)) - whole < CLEAR:
            rivals = np.count_nonzero(cost[r] <= 1) + np.count_nonzero(cost[:, c] <= 1) - 2
            doubts[before[r].number] = "another lesion is as near" if rivals else f"{distance[r, c]:.0f} mm apart"

    lone_before = [place for n, place in enumerate(before) if n not in rows]
    lone_after = [place for n, place in enumerate(after) if n not in columns]
    splits = fragments(lone_after, before, after, pairs)
    merged = coalesced(lone_before, before, after, pairs)
    doubts |= dict.fromkeys(splits, "it seems to have split")
    doubts |= {number: f"it seems to be one with lesion {into} now" for number, into in merged.items()}
    fragment = {number for numbers in splits.values() for number in numbers}
    gone = tuple(place.number for place in lone_before if place.number not in merged)
    new = tuple(place.number for place in lone_after if place.number not in fragment)
    by_number = {place.number: place for place in after}
    for number in new:
        near = [
            p.number
            for p in before
            if np.linalg.norm(vector(p, by_number[number])) <= reach(p, by_number[number], breathing_mm)
        ]
        if near:
            doubts[-number] = f"new, but near lesion {near[0]}"
    return Pairing(pairs, apart, splits, merged, gone, new, doubts)


def costs(before: list[Place], after: list[Place], breathing_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Distances over reach, `NEVER` beyond it, and the distances in mm: (before, after) each."""
    distance = np.array([[np.linalg.norm(vector(a, b)) for b in after] for a in before]).reshape(
        len(before), len(after)
    )
    allowed = np.array([[reach(a, b, breathing_mm) for b in after] for a in before]).reshape(distance.shape)
    share = distance / allowed if distance.size else distance
    return np.where(share <= 1, share, NEVER), distance


def vector(one: Place, other: Place) -> np.ndarray:
    return np.subtract(one.centre, other.centre)


def reach(one: Place, other: Place, breathing_mm: float) -> float:
    return breathing_mm + (one.radius_mm + other.radius_mm) / 2


def assigned(cost: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cheapest pairs; a lesion on either side may stay alone for half a unit."""
    m, n = cost.shape
    square = np.full((m + n, m + n), NEVER)
    square[:m, :n] = cost
    square[:m, n:][np.arange(m), np.arange(m)] = 0.5
    square[m:, :n][np.arange(n), np.arange(n)] = 0.5
    square[m:, n:] = 0.0
    rows, columns = linear_sum_assignment(square)
    kept = (rows < m) & (columns < n)
    return rows[kept], columns[kept]


def total(cost: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> float:
    return float(cost[rows, columns].sum() + 0.5 * (sum(cost.shape) - 2 * len(rows)))


def fragments(
    lone: list[Place], before: list[Place], after: list[Place], pairs: dict[int, int]
) -> dict[int, tuple[int, ...]]:
    """Lesions without a pair that lie inside what a paired lesion was, and with its pair hold no more than it held."""
    place = {p.number: p for p in after}
    found: dict[int, tuple[int, ...]] = {}
    for part in sorted(lone, key=lambda p: -p.volume):
        homes = [p for p in before if p.number in pairs and np.linalg.norm(vector(p, part)) <= p.hull_mm]
        for home in sorted(homes, key=lambda p: np.linalg.norm(vector(p, part)) / p.hull_mm):
            held = [pairs[home.number], *found.get(home.number, ()), part.number]
            volume = sum((place[n].volume for n in held if n != part.number), part.volume)
            if volume <= SPLIT_VOLUME * home.volume:
                found[home.number] = (*found.get(home.number, ()), part.number)
                break
    return found


def coalesced(lone: list[Place], before: list[Place], after: list[Place], pairs: dict[int, int]) -> dict[int, int]:
    """Lesions without a pair whose place lies inside the pair of another, which holds as much as both held."""
    taken = {b: a for a, b in pairs.items()}
    sizes = {p.number: p.volume for p in before}
    found = {}
    for part in lone:
        for whole in after:
            inside = np.linalg.norm(vector(part, whole)) <= whole.hull_mm
            if inside and whole.number in taken:
                held = sizes[taken[whole.number]] + part.volume
                if whole.volume * SPLIT_VOLUME >= held:
                    found[part.number] = whole.number
                    break
    return found
