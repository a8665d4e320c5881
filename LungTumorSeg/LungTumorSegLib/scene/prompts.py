"""The lesions that the user asks for: which points and boxes (`prompt_nodes`) belong to which lesion.

A prompt is one lesion. Which point belongs to which is decided once, when it is first read after it was placed, and
kept with the point.

- A box is a prompt of its own.
- A point inside joins the prompt in whose lesion or box it lies; else it begins a prompt.
- A point outside joins the prompt in whose lesion it lies. In a lesion of the automatic answer it takes that lesion
  away. Beside all lesions it joins the prompt whose lesion is nearest, within `NEAR_MM`; farther
  off it does nothing until there is one.
- Points outside of a prompt whose points inside and box are all gone look for another prompt; they never take away
  the automatic lesion that the prompt had replaced.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import numpy as np

from LungTumorSegLib.scene import maps, ownership
from LungTumorSegLib.scene.answers import answers, asked
from LungTumorSegLib.scene.cut import Cut, kept_cut
from LungTumorSegLib.scene.prompt_nodes import AWAY, INSIDE, OUTSIDE, box_mark, boxes, marks_of
from LungTumorSegLib.scene.volumes import geometry_of
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry

NEAR_MM = 30.0
SAME_PLACE = 0.05  # voxels: what saving may move a point by, and no hand does
_LAST = ownership.PREFIX + "LastPrompt"

Point = tuple[float, float, float]


@dataclass(frozen=True)
class Prompt:
    """One lesion that is asked for.

    key : its name, for good.
    inside, outside : points, LPS mm as the views show them; a prompt without points inside has a box.
    box : two opposite corners, LPS mm, the first with the lesser numbers; or None.
    threshold : the one that was shown when the prompt was begun.
    asked : the marks in voxels of the CT and the threshold, as text: kept with the answer to it.
    """

    key: str
    inside: tuple[Point, ...] = ()
    outside: tuple[Point, ...] = ()
    box: tuple[Point, Point] | None = None
    threshold: float = 0.5
    asked: str = field(default="", repr=False)


@dataclass(frozen=True)
class TakenAway:
    """A point (LPS mm) that takes a lesion of the automatic answer away, and the threshold shown when it was placed."""

    point: Point
    threshold: float


def read_prompts(ct) -> list[Prompt]:
    """The prompts as they lie in the scene, in the order in which they were begun. New points get their group."""
    return _Reading(ct).prompts()


def read_taken_away(ct) -> list[TakenAway]:
    """The points outside that take automatic lesions away."""
    return _Reading(ct).taken_away()


def prompts_answered(ct) -> list[tuple[Prompt, Box]]:
    """The prompts as they were when the answers that are kept were asked for, with those answers."""
    grid, found = geometry_of(ct), []
    for key, box in answers(ct).items():
        text = asked(ct, key)
        if text:
            threshold, marks = _parsed(text)
            found.append((_prompt(key, [(name, grid.ijk_to_lps(ijk)) for name, ijk in marks], threshold, text), box))
    return found


def is_answer_to(prompt: Prompt, other: Prompt) -> bool:
    """Whether the answer to one prompt is one to the other: the same marks, but for what saving does to numbers."""
    (_, ours), (_, theirs) = _parsed(prompt.asked), _parsed(other.asked)
    return [name for name, _ in ours] == [name for name, _ in theirs] and all(
        np.abs(a - b).max() < SAME_PLACE for (_, a), (_, b) in zip(ours, theirs, strict=True)
    )


def _prompt(key: str, marks: list[tuple[str, np.ndarray]], threshold: float, asked_for: str) -> Prompt:
    """marks : ("inside" | "outside", (3,)) or ("box", (2, 3)), LPS mm."""
    inside, outside = (tuple(_as_point(at) for name, at in marks if name == which) for which in ("inside", "outside"))
    box = next(((_as_point(at[0]), _as_point(at[1])) for name, at in marks if name == "box"), None)
    return Prompt(key, inside, outside, box, threshold, asked_for)


def _parsed(text: str) -> tuple[float, list[tuple[str, np.ndarray]]]:
    """Threshold and marks, in voxels (i, j, k), of `Prompt.asked`."""
    words = re.findall(r"([a-z]+)((?: [-+0-9.e]+)+)", text)
    threshold, *marks = [(name, np.array(numbers.split(), float)) for name, numbers in words]
    return float(threshold[1][0]), [(name, at.reshape(2, 3) if name == "box" else at) for name, at in marks]


class _Reading:
    """The prompts of one CT, read once."""

    def __init__(self, ct):
        self._ct, self._grid = ct, geometry_of(ct)
        self._threshold = (kept_cut(ct) or Cut()).threshold
        self._answers = answers(ct)
        self._inside = marks_of(ct, INSIDE)
        self._outside = marks_of(ct, OUTSIDE)
        self._boxes = [mark for mark in map(box_mark, boxes(ct)) if mark is not None]
        for mark in self._boxes:
            if not mark.group:
                mark.join(self._new_key(), self._threshold)
        for mark in self._inside:
            if not mark.group:
                mark.join(self._prompt_around(mark.at) or self._new_key(), self._threshold)
        living = self._living()
        for mark in self._outside:
            if not mark.group or mark.group not in {AWAY, *living}:
                group = self._group_of_outside(mark.at, living, orphan=bool(mark.group))
                if group:
                    mark.join(group, self._threshold)

    def prompts(self) -> list[Prompt]:
        return [self._prompt(key) for key in self._living()]

    def taken_away(self) -> list[TakenAway]:
        return [TakenAway(_as_point(mark.at), mark.threshold) for mark in self._outside if mark.group == AWAY]

    def _living(self) -> list[str]:
        """The keys so far."""
        return sorted({mark.group for mark in [*self._inside, *self._boxes] if mark.group}, key=int)

    def _prompt(self, key: str) -> Prompt:
        inside, outside, box = (
            [mark for mark in marks if mark.group == key] for marks in (self._inside, self._outside, self._boxes)
        )
        marks = [
            (name, mark.at)
            for name, some in (("inside", inside), ("outside", outside), ("box", box[:1]))
            for mark in some
        ]
        threshold = min(mark.threshold for mark in [*inside, *box])
        places = (f"{name} {' '.join(f'{x:.3f}' for x in self._grid.lps_to_ijk(at).ravel())}" for name, at in marks)
        return _prompt(key, marks, threshold, " ".join((f"at {threshold:g}", *places)))

    def _prompt_around(self, point: np.ndarray) -> str | None:
        """The prompt in whose answer or box the point lies."""
        for key in self._living():
            if self._answered_at(key, point):
                return key
        return next((mark.group for mark in self._boxes if _holds(mark.at, point)), None)

    def _group_of_outside(self, point: np.ndarray, living: list[str], orphan: bool) -> str | None:
        for key in living:
            if self._answered_at(key, point):
                return key
        shown = ownership.owned_one(self._ct, maps.PROBABILITY)
        automatic = shown is not None and _value(maps.map_box(shown), self._grid, point) >= self._threshold
        if automatic and not orphan:
            return AWAY
        near = [(self._distance(key, point), key) for key in living]
        distance, key = min(near, default=(np.inf, None))
        return key if distance <= NEAR_MM else None

    def _answered_at(self, key: str, point: np.ndarray) -> bool:
        box = self._answers.get(key)
        return box is not None and _value(box, self._grid, point) >= self._threshold

    def _distance(self, key: str, point: np.ndarray) -> float:
        """From the prompt's lesion, mm; from its points and box where there is no lesion yet."""
        box = self._answers.get(key)
        if box is not None:
            voxels = np.argwhere(box.values >= self._threshold)
            if len(voxels):
                lesion = self._grid.ijk_to_lps((voxels + box.start)[:, ::-1])
                return float(np.linalg.norm(lesion - point, axis=1).min())
        marks = [mark.at for mark in self._inside if mark.group == key]
        marks += [np.clip(point, *mark.at) for mark in self._boxes if mark.group == key]
        return float(min(np.linalg.norm(at - point) for at in marks))

    def _new_key(self) -> str:
        last = max([int(self._ct.GetAttribute(_LAST) or 0), *map(int, self._living())])
        self._ct.SetAttribute(_LAST, str(last + 1))
        return str(last + 1)


def _holds(corners: np.ndarray, point: np.ndarray) -> bool:
    return bool((corners[0] <= point).all() and (point <= corners[1]).all())


def _value(box: Box, grid: Geometry, point: np.ndarray) -> float:
    """The box's value in the voxel in which the point lies; 0 around the box."""
    at = np.rint(grid.lps_to_ijk(point)).astype(int)[::-1] - box.start
    return float(box.values[tuple(at)]) if (at >= 0).all() and (at < box.values.shape).all() else 0.0


def _as_point(at: np.ndarray) -> Point:
    return tuple(float(x) for x in at)
