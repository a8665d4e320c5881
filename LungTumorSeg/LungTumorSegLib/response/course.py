"""The course of a disease: lesions over all dates, sums and responses, as they are printed and written."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.response import irecist
from LungTumorSegLib.response.growth import doubling_days
from LungTumorSegLib.response.nodes import is_normal, pointed_out
from LungTumorSegLib.response.recist import GONE as ALL_GONE
from LungTumorSegLib.response.recist import (
    NOT_EVALUATED,
    PROGRESSED,
    STABLE,
    Assessment,
    TimePoint,
    assess,
)
from LungTumorSegLib.response.study import Study, check_order
from LungTumorSegLib.response.targets import Selection, by_organ, select, slice_spacing, too_small
from LungTumorSegLib.response.tracks import (
    GONE,
    MEASURED,
    MERGED,
    MISSING,
    TOO_SMALL,
    Marks,
    Track,
    counted_mm,
    follow,
)
from LungTumorSegLib.response.who import who_response

WORDS = {
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progressive disease",
    "NE": "not evaluable",
    "non-CR/non-PD": "neither complete response nor progression",
}


@dataclass(frozen=True, eq=False)
class Course:
    """studies : the baseline first. responses, who, immune : one a study, the first of no meaning (immune: None where
    iRECIST was not asked for)."""

    studies: list[Study]
    tracks: list[Track]
    selection: Selection
    responses: list[Assessment]
    who: list[str | None]
    immune: list[irecist.ImmuneAssessment | None] | None = None

    def track(self, number: int) -> Track:
        return next(track for track in self.tracks if track.number == number)

    def role(self, track: Track) -> str:
        """target, non-target, new (at any date), or normal node."""
        if track.number in self.selection.targets:
            return "target"
        if track.number in self.selection.non_targets:
            return "non-target"
        dates = range(len(self.studies))
        new = any(counts_as_new(track, self.selection, self.studies, n) for n in dates)
        return "new" if new else "normal node"

    def doubling_days(self, track: Track) -> float | None:
        """Volume doubling time from the lesion's first to its last measured date."""
        days = [study.day for study in self.studies]
        measured = [n for n, x in enumerate(track.findings) if x.state == MEASURED and days[n] is not None]
        if len(measured) < 2:
            return None
        first, last = measured[0], measured[-1]
        before, after = track.volume_ml(self.studies, first), track.volume_ml(self.studies, last)
        return doubling_days(before, after, (days[last] - days[first]).days)

    def doubts(self) -> list[tuple[int, Track]]:
        """(study, track) of every match that a person should look at."""
        return [
            (n, track)
            for n in range(1, len(self.studies))
            for track in self.tracks
            if track.findings[n].doubt and not track.findings[n].confirmed
        ]

    def in_words(self, n: int) -> str:
        """The response at study n as a sentence."""
        found = self.responses[n]
        words = f"{WORDS[found.overall]} ({found.overall}): {found.why}."
        if self.immune is not None:
            immune = self.immune[n]
            words += f" iRECIST: {immune.overall}, {immune.why}."
        return words


def course(
    studies: list[Study],
    marks: Marks | None = None,
    targets: Iterable[int] = (),
    progressed: Iterable[int] = (),
    immune: bool = False,
    larger: Iterable[int] = (),
) -> Course:
    """Match, select, add up, judge.

    Parameters
    ----------
    studies : the baseline first, then by date; their alignments lead to the baseline.
    marks : the user's word on matches, nodes, organs.
    targets : numbers of target lesions, instead of the rule's choice.
    progressed : follow-ups (1 = first) at which a reader sees unequivocal progression of non-target disease.
    immune : also iRECIST, which needs dates.
    larger : for iRECIST, follow-ups at which non-target disease or small new lesions grew further.
    """
    if len(studies) < 2:
        raise InputRefused("A response needs a baseline and at least one follow-up.")
    check_order([study.day for study in studies])
    progressed, larger = set(progressed), set(larger)
    for n in progressed | larger:
        if not 1 <= n < len(studies):
            raise InputRefused(f"There is no follow-up {n}; there are {len(studies) - 1}.")
    tracks = follow(studies, marks)
    selection = select(tracks, studies, targets)
    tracks = [
        pointed_out(track, studies) if track.new or track.number in selection.normal_nodes else track
        for track in tracks
    ]
    chosen = [next(track for track in tracks if track.number == number) for number in selection.targets]
    others = [track for track in tracks if track.number in selection.non_targets]
    points = [
        TimePoint(
            tuple(target_sizes(chosen, studies, n)),
            non_target_state(others, studies, n, n in progressed),
            any(counts_as_new(track, selection, studies, n) for track in tracks),
            any(track.findings[n].seen and not track.node for track in others),
            any(new_but_missing(track, selection, studies, n) for track in tracks),
        )
        for n in range(len(studies))
    ]
    responses = assess(points, [track.node for track in chosen])
    found = Course(studies, tracks, selection, responses, who_responses(tracks, selection, studies))
    if not immune:
        return found
    judged = immune_responses(found, larger)
    return Course(studies, tracks, selection, responses, found.who, judged)


def target_sizes(targets: list[Track], studies: list[Study], n: int) -> list[float | None]:
    """What each target counts. Coalesced targets count once, by the whole lesion's diameter (4.3.2)."""
    counted = {number for track in targets for number in track.findings[n].lesions}
    sizes = []
    for track in targets:
        finding = track.findings[n]
        if finding.state == MERGED and finding.into not in counted:
            counted.add(finding.into)
            sizes.append(counted_mm(studies[n].lesion(finding.into), track.node))
        else:
            sizes.append(track.size_mm(studies, n))
    return sizes


def non_target_state(others: list[Track], studies: list[Study], n: int, progressed: bool) -> str | None:
    """4.3.3: gone only where every lesion is gone and every node normal."""
    if not others:
        return PROGRESSED if progressed else None
    if progressed:
        return PROGRESSED
    gone = [track.findings[n].state == GONE or is_normal(track, studies, n) for track in others]
    if all(gone):
        return ALL_GONE
    return NOT_EVALUATED if any(track.findings[n].state == MISSING for track in others) else STABLE


def counts_as_new(track: Track, selection: Selection, studies: list[Study], n: int) -> bool:
    """A lesion that was not there at baseline and is seen now; of a node, not while it is normal.

    A node that was normal at baseline was there, but no disease: it is new where it is normal no longer.
    """
    if track.number in selection.normal_nodes:
        return track.findings[n].state == MEASURED and not is_normal(track, studies, n)
    return track.new and track.findings[n].seen and not is_normal(track, studies, n)


def new_but_missing(track: Track, selection: Selection, studies: list[Study], n: int) -> bool:
    """A lesion that counted as new when it was seen last; its place was not scanned now."""
    seen = [m for m in range(n + 1) if track.findings[m].state != MISSING]
    missing = track.findings[n].state == MISSING and bool(seen)
    return missing and counts_as_new(track, selection, studies, seen[-1])


def who_responses(tracks: list[Track], selection: Selection, studies: list[Study]) -> list[str | None]:
    """WHO counts every lesion that could be measured at baseline; a node that was normal then grows, it is not new."""
    smallest = {track.number: track.product_mm2(studies, 0) for track in tracks if not track.new}
    baseline = list(smallest.values())
    found: list[str | None] = [None]
    for n in range(1, len(studies)):
        new = any(track.new and counts_as_new(track, selection, studies, n) for track in tracks)
        wholes = [(track, [track, *parts_of(track, tracks, n)]) for track in tracks if track.number in smallest]
        wholes = [(whole, parts) for whole, parts in wholes if whole.findings[n].state != MERGED]
        now = [whole.product_mm2(studies, n) for whole, _ in wholes]
        before = [math.fsum(smallest[part.number] for part in parts) for _, parts in wholes]
        answer = who_response(baseline, before, now, new)
        unscanned = any(new_but_missing(track, selection, studies, n) for track in tracks)
        found.append("PR" if answer == "CR" and unscanned else answer)
        for (_, parts), was, is_now in zip(wholes, before, now, strict=True):
            if is_now is not None and is_now < was:
                smallest |= {part.number: smallest[part.number] * is_now / was for part in parts}
    return found


def parts_of(whole: Track, tracks: list[Track], n: int) -> list[Track]:
    """The baseline's lesions that are part of this one at study n."""
    lesions = whole.findings[n].lesions
    return [t for t in tracks if not t.new and t.findings[n].state == MERGED and t.findings[n].into in lesions]


def immune_responses(found: Course, larger: set[int]) -> list[irecist.ImmuneAssessment | None]:
    days: list[date | None] = [study.day for study in found.studies]
    if None in days:
        raise InputRefused("iRECIST needs the date of every study: give --date once a study, in order.")
    novelties, chosen, known = [], [], set()
    for n in range(len(found.studies)):
        seen = [track for track in found.tracks if counts_as_new(track, found.selection, found.studies, n)]
        missing = [track for track in found.tracks if new_but_missing(track, found.selection, found.studies, n)]
        chosen = new_targets(seen, chosen, found.studies, n)
        known |= {track.number for track in seen}
        sizes = {
            t.number: mm for t in found.tracks if t.number in known if (mm := t.size_mm(found.studies, n)) is not None
        }
        novelties.append(
            irecist.Novelties(
                sizes,
                frozenset(track.number for track in chosen),
                frozenset(track.number for track in seen),
                frozenset(track.number for track in missing),
                n in larger,
            )
        )
    return irecist.assess_immune(days, found.responses, novelties)


def new_targets(seen: list[Track], chosen: list[Track], studies: list[Study], n: int) -> list[Track]:
    """Measurable new lesions, at most 5 and 2 an organ; once chosen they stay."""
    slice_mm = slice_spacing(studies[n])
    size = {t.number: t.size_mm(studies, n) for t in seen if t.findings[n].state in (MEASURED, TOO_SMALL)}
    size = {t.number: size[t.number] for t in seen if t.number in size}
    fit = {t.number: t for t in seen if t.number in size and not too_small(size[t.number], t.node, slice_mm)}
    size |= {t.number: float("inf") for t in chosen}  # first in their organ
    fit |= {t.number: t for t in chosen}
    return [fit[number] for number in by_organ(fit, size)]
