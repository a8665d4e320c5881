"""Lesions followed from date to date: what the matching found, and where the user's word replaces it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.response.matching import Place, match
from LungTumorSegLib.response.recist import TOO_SMALL_MM
from LungTumorSegLib.response.study import Study

# What a date says of a lesion. "not yet": before a new lesion is first seen.
MEASURED, GONE, TOO_SMALL, MISSING, MERGED, NOT_YET = "measured", "gone", "too small", "missing", "merged", "not yet"
STATES = {"gone": GONE, "small": TOO_SMALL, "missing": MISSING}
NODES, LUNGS = "lymph nodes", "lungs"  # all nodes are one organ, both lungs are one


@dataclass(frozen=True)
class Finding:
    """A lesion at one date.

    state : one of the words above. lesions : its numbers in that study; several where it split. into : of a merged
    lesion, the number in that study of the lesion that it became part of.
    distance_mm : from where it was to where it is, after registration. doubt : why a person should look, or "".
    confirmed : the user said so.
    """

    state: str
    lesions: tuple[int, ...] = ()
    into: int | None = None
    distance_mm: float | None = None
    doubt: str = ""
    confirmed: bool = False

    @property
    def seen(self) -> bool:
        return self.state in (MEASURED, TOO_SMALL, MERGED)


@dataclass(frozen=True)
class Change:
    """What the user says of a follow-up (`study`, 1 = first).

    ``(1,) = (2,)``: lesion 1 is number 2 there; ``(1,) = (2, 3)``: it split; ``(1, 4) = (2,)``: both became one;
    ``(1,) = ()`` with a state: gone, too small, missing; ``() = (3,)``: number 3 is new.
    """

    study: int
    tracks: tuple[int, ...]
    lesions: tuple[int, ...]
    state: str = MEASURED


@dataclass(frozen=True)
class Track:
    """One lesion over all dates.

    number : that of the lesion at baseline; new lesions count on. findings : one a study, the baseline first.
    """

    number: int
    findings: tuple[Finding, ...]
    node: bool = False
    organ: str = LUNGS

    @property
    def first(self) -> int:
        """The study in which it was first seen; 0 = the baseline."""
        return next(n for n, finding in enumerate(self.findings) if finding.state != NOT_YET)

    @property
    def new(self) -> bool:
        return self.first > 0

    def parts(self, studies: list[Study], n: int) -> list[Lesion]:
        return [studies[n].lesion(number) for number in self.findings[n].lesions]

    def size_mm(self, studies: list[Study], n: int) -> float | None:
        """What counts at study n: the long axis, of a node the short one; fragments add up (4.3.2). 0 = gone, None =
        not measured or not yet there; 0 for a merged lesion, whose part counts where it went."""
        state = self.findings[n].state
        if state == MEASURED:
            return math.fsum(counted_mm(lesion, self.node) for lesion in self.parts(studies, n))
        return {GONE: 0.0, MERGED: 0.0, TOO_SMALL: TOO_SMALL_MM}.get(state)

    def volume_ml(self, studies: list[Study], n: int) -> float | None:
        parts = self.parts(studies, n)
        return math.fsum(lesion.volume_ml for lesion in parts) if parts else None

    def product_mm2(self, studies: list[Study], n: int) -> float | None:
        """WHO: long times short axis, of fragments their sum; 0 = gone, None = not measured."""
        if self.findings[n].state == MEASURED:
            return math.fsum(part.long_axis_mm * part.short_axis_mm for part in self.parts(studies, n))
        return 0.0 if self.findings[n].state in (GONE, MERGED) else None


def counted_mm(lesion: Lesion, node: bool) -> float:
    return lesion.short_axis_mm if node else lesion.long_axis_mm


@dataclass(frozen=True)
class Marks:
    """What the user says of lesions: changes of the match, lesions that are none (study, number), nodes and organs."""

    changes: tuple[Change, ...] = ()
    ignored: frozenset[tuple[int, int]] = frozenset()
    nodes: frozenset[int] = frozenset()
    organs: dict[int, str] = field(default_factory=dict)


def follow(studies: list[Study], marks: Marks | None = None) -> list[Track]:
    """Follow every lesion through all studies (the baseline first), by number.

    Lesions of each follow-up are matched with where they were last seen, in the baseline's coordinates.

    Raises
    ------
    InputRefused
        The user's word names a lesion or a study that does not exist, or gives one lesion away twice.
    """
    marks = marks or Marks()
    check_marks(studies, marks)
    kept = [[x for x in s.lesions if (n, x.id) not in marks.ignored] for n, s in enumerate(studies)]
    findings: dict[int, list[Finding]] = {x.id: [Finding(MEASURED, (x.id,), confirmed=True)] for x in kept[0]}
    for n in range(1, len(studies)):
        step(studies, n, kept[n], findings, [change for change in marks.changes if change.study == n])
    tracks = []
    for number, found in sorted(findings.items()):
        node = number in marks.nodes or is_node(studies, found)
        organ = NODES if node else marks.organs.get(number, LUNGS)
        tracks.append(Track(number, tuple(found), node, organ))
    unknown = (marks.nodes | set(marks.organs)) - set(findings)
    if unknown:
        raise InputRefused(f"There is no lesion {min(unknown)}: choose one of the printed table.")
    return tracks


def is_node(studies: list[Study], found: list[Finding]) -> bool:
    """Marked as a lymph node where it was first measured."""
    n = next(n for n, finding in enumerate(found) if finding.state != NOT_YET)
    return any(studies[n].lesion(number).node for number in found[n].lesions)


def step(
    studies: list[Study], n: int, lesions: list[Lesion], findings: dict[int, list[Finding]], changes: list[Change]
) -> None:
    """Add study n's finding to every lesion followed so far, and start its new ones."""
    said, taken = spoken(n, lesions, findings, changes)
    study = studies[n]
    before = [place_of(studies, number, found) for number, found in findings.items() if number not in said]
    after = [place(study, [x], x.id) for x in lesions if x.id not in taken]
    pairing = match(before, after)
    places = {p.number: p for p in before}
    hosts = {number: host for number, found in findings.items() if (host := host_of(number, findings)) is not None}
    for number, host in hosts.items():
        while host in hosts:
            host = hosts[number] = hosts[host]
        if host in places:
            pairing.hand_over(number, host)
    for number in sorted(places, key=lambda number: number in hosts):  # what a host became is known by then
        if number in pairing.pairs:
            numbers = (pairing.pairs[number], *pairing.splits.get(number, ()))
            distance, doubt = pairing.distance_mm[number], pairing.doubts.get(number, "")
            said[number] = Finding(MEASURED, numbers, None, distance, doubt)
        elif number in hosts:
            said[number] = with_host(said[hosts[number]])
        elif number in pairing.merged:
            said[number] = Finding(MERGED, (), pairing.merged[number], doubt=pairing.doubts[number])
        elif not study.covers(np.array(places[number].centre)):
            said[number] = Finding(MISSING, doubt="its place lies outside this scan")
        else:
            known = findings[number][-1].state == GONE
            said[number] = Finding(GONE, doubt="" if known else "not found any more")
    for number, found in findings.items():
        found.append(said[number])
    confirmed = {x for change in changes if not change.tracks for x in change.lesions}
    for number in sorted({*pairing.new, *confirmed}):
        outside = not studies[0].covers(study.alignment.to_baseline(study.lesion(number).centre_lps))
        doubt = pairing.doubts.get(-number) or (
            "outside the baseline's scan: new all the same" if outside else "is it a new tumour?"
        )
        new = Finding(MEASURED, (number,), doubt="" if number in confirmed else doubt, confirmed=number in confirmed)
        findings[max(findings, default=0) + 1] = [*[Finding(NOT_YET)] * n, new]


def host_of(number: int, findings: dict[int, list[Finding]]) -> int | None:
    """The lesion that a merged one is part of, since it was last seen; None for others."""
    found = findings[number]
    last = max(n for n, finding in enumerate(found) if finding.state != MISSING)
    if found[last].state != MERGED:
        return None
    return next(other for other, at in findings.items() if len(at) > last and found[last].into in at[last].lesions)


def with_host(host: Finding) -> Finding:
    """What a merged lesion is at a date, by what the lesion is that it is part of."""
    if host.state == MEASURED:
        return Finding(MERGED, (), host.lesions[0])
    return Finding(host.state, (), host.into, doubt=host.doubt)


def spoken(
    n: int, lesions: list[Lesion], findings: dict[int, list[Finding]], changes: Iterable[Change]
) -> tuple[dict[int, Finding], set[int]]:
    """The findings that the user gave, and the lesions of the study that they use up."""
    there, said, taken = {x.id for x in lesions}, {}, set()
    for change in changes:
        for number in change.tracks:
            if number not in findings:
                raise InputRefused(f"--match: there is no lesion {number} before study {n}; see the printed table.")
            if number in said:
                raise InputRefused(f"--match: lesion {number} is matched twice in study {n}.")
        for number in change.lesions:
            if number not in there:
                raise InputRefused(f"--match: study {n} has no lesion {number}; its lesions are {listed(there)}.")
            if number in taken:
                raise InputRefused(f"--match: number {number} of study {n} is given away twice; join with +.")
        taken |= set(change.lesions)
        for position, number in enumerate(change.tracks):
            if change.state != MEASURED:
                said[number] = Finding(change.state, confirmed=True)
            elif position == 0:
                said[number] = Finding(MEASURED, change.lesions, confirmed=True)
            else:
                said[number] = Finding(MERGED, (), change.lesions[0], confirmed=True)
    return said, taken


def place_of(studies: list[Study], number: int, found: list[Finding]) -> Place:
    """Where a lesion was last measured."""
    n = max(n for n, finding in enumerate(found) if finding.lesions)
    return place(studies[n], [studies[n].lesion(part) for part in found[n].lesions], number)


def place(study: Study, parts: list[Lesion], number: int) -> Place:
    volumes = [part.volume_ml for part in parts]
    middles = study.alignment.to_baseline([part.centre_lps for part in parts])
    centre = np.average(middles, axis=0, weights=volumes)
    hull = max(
        np.linalg.norm(middle - centre) + part.max_3d_diameter_mm / 2
        for middle, part in zip(middles, parts, strict=True)
    )
    radius = (3000 * sum(volumes) / (4 * math.pi)) ** (1 / 3)
    return Place(number, tuple(float(x) for x in centre), radius, float(hull))


def check_marks(studies: list[Study], marks: Marks) -> None:
    for change in marks.changes:
        if not 1 <= change.study < len(studies):
            raise InputRefused(f"--match: there is no follow-up {change.study}; there are {len(studies) - 1}.")
    for n, number in marks.ignored:
        if not 0 <= n < len(studies) or number not in {x.id for x in studies[n].lesions}:
            raise InputRefused(f"--ignore {n}:{number}: there is no such lesion.")


def parse_change(text: str, followups: int) -> Change:
    """``[N:]A=B`` as `Change` says it; N may be left out where there is one follow-up.

    ``1=2``, ``1=2+3`` (split), ``1+4=2`` (became one), ``1=gone``, ``1=small``, ``1=missing``, ``new=3`` or ``3=new``.
    """
    example = f"--match {text}: write for example 1=2, 1=gone or 3=new; with several follow-ups 2:1=2"
    study, _, rest = text.rpartition(":")
    left, equals, right = rest.partition("=")
    if not equals or (not study and followups > 1):
        raise InputRefused(example)
    try:
        n = int(study or 1)
        if "new" in (left, right):
            return Change(n, (), (int(right if left == "new" else left),))
        tracks = tuple(int(part) for part in left.split("+"))
        if right in STATES:
            return Change(n, tracks, (), STATES[right])
        lesions = tuple(int(part) for part in right.split("+"))
    except ValueError:
        raise InputRefused(example) from None
    if len(tracks) > 1 and len(lesions) > 1:
        raise InputRefused(f"{example}; several cannot become several")
    return Change(n, tracks, lesions)


def listed(numbers: Iterable[int]) -> str:
    return ", ".join(str(n) for n in sorted(numbers)) or "none"
