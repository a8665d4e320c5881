"""Response under immunotherapy: iRECIST.

Source: Seymour et al., iRECIST: guidelines for response criteria for use in trials testing immunotherapeutics,
Lancet Oncol 2017;18:e143-e152 (its table 2), and the working group's answers (recist.eortc.org).

A first progression by RECIST 1.1 is unconfirmed (iUPD). It is confirmed (iCPD) where a later assessment, at least four
weeks after, shows growth on top of it; small growth from date to date adds up. Shrinking to iSD, iPR or iCR sets the
bar back: the next progression is unconfirmed again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction

from LungTumorSegLib.response.exact import exact_sum, rose_by
from LungTumorSegLib.response.recist import PROGRESS_PERCENT, PROGRESSED, Assessment, overall_response

EARLIEST_DAYS, LATEST_DAYS = 28, 56  # confirmation "4-8 weeks later"
FURTHER_MM = 5  # of the targets, or of new target lesions
BETTER = ("PD", "NE", "SD", "non-CR/non-PD", "PR", "CR")  # from worst to best

WORDS = {
    "iCR": "complete response",
    "iPR": "partial response",
    "iSD": "stable disease",
    "iUPD": "progression, unconfirmed",
    "iCPD": "progression, confirmed",
    "NE": "not evaluable",
}


@dataclass(frozen=True)
class Novelties:
    """What iRECIST asks of a date beyond RECIST 1.1.

    sizes_mm : by number, of all lesions that were new at this date or before, as far as they are measured; 0 = gone.
    targets : the numbers of the measurable new lesions (up to 5, 2 an organ), whose growth is looked at.
    seen : the numbers of all lesions that count as new at this date. missing : of those whose place was not scanned.
    others_larger : new non-target lesions, or non-target disease, grew since the unconfirmed progression: a reader's
        word; the growth need not be unequivocal.
    """

    sizes_mm: Mapping[int, float] = field(default_factory=dict)
    targets: frozenset[int] = frozenset()
    seen: frozenset[int] = frozenset()
    missing: frozenset[int] = frozenset()
    others_larger: bool = False

    @property
    def known(self) -> frozenset[int]:
        """The new lesions that are no news at the next date."""
        return self.seen | self.missing

    def sums_mm(self, before: Novelties) -> tuple[Fraction, Fraction]:
        """The targets' sums before and now, of those that were measured at both dates."""
        both = self.targets & self.sizes_mm.keys() & before.sizes_mm.keys()
        then, now = (exact_sum(each.sizes_mm[n] for n in both) for each in (before, self))
        return then, now

    def progressed_from(self, before: Novelties) -> bool:
        """All targets that are measured now were so before, and their sum rose as that of targets must (4.3.1)."""
        then, now = self.sums_mm(before)
        whole = self.targets & self.sizes_mm.keys() <= before.sizes_mm.keys()
        return whole and rose_by(now, then, PROGRESS_PERCENT) and now - then >= FURTHER_MM


@dataclass(frozen=True)
class ImmuneAssessment:
    """overall : iCR, iPR, iSD, iUPD, iCPD, NE or (no target disease) non-iCR/non-iUPD. why : one sentence."""

    overall: str
    why: str


@dataclass(frozen=True)
class Unconfirmed:
    """The first progression of a run that was not confirmed yet: what later dates are compared with.

    known : without its new lesions, what the response would have been. news : its new lesions.
    """

    day: date
    sum_mm: Fraction | None
    target: bool
    non_target: bool
    known: str
    news: Novelties


def assess_immune(
    dates: Sequence[date], assessments: Sequence[Assessment], novelties: Sequence[Novelties]
) -> list[ImmuneAssessment | None]:
    """The iRECIST response at every date; None for the baseline, which comes first. Once iCPD, always iCPD.

    assessments : of `recist.assess`, whose nadir and thresholds iRECIST shares.
    """
    found: list[ImmuneAssessment | None] = [None]
    pending: Unconfirmed | None = None
    accepted: list[Novelties] = [Novelties()]  # since the bar was set: no progression by themselves any more
    for day, assessment, novelty in zip(dates[1:], assessments[1:], novelties[1:], strict=True):
        if found[-1] is not None and found[-1].overall == "iCPD":
            found.append(ImmuneAssessment("iCPD", "progression was confirmed before"))
            continue
        if pending is None:
            result = at_rest(assessment, novelty, accepted)
            if result.overall == "iUPD":
                pending = unconfirmed(day, assessment, novelty)
        else:
            result = after_progression(day, assessment, novelty, pending)
            if result.overall not in ("iUPD", "iCPD", "NE"):
                pending = None
        if pending is None:
            accepted.append(novelty)
        found.append(result)
    return found


def at_rest(assessment: Assessment, novelty: Novelties, accepted: Sequence[Novelties]) -> ImmuneAssessment:
    """The response where no progression waits for its confirmation.

    accepted : the dates since then, the newest last. New targets are worse where they are so against their smallest
        sum, of dates at which all of them were measured.
    """
    known = without_new(assessment)
    worse = any(map(novelty.progressed_from, accepted))
    if novelty.seen - accepted[-1].known or known == "PD" or worse:
        return ImmuneAssessment("iUPD", assessment.why)
    return ImmuneAssessment(immune_name(known, novelty), assessment.why)


def after_progression(day: date, assessment: Assessment, novelty: Novelties, pending: Unconfirmed) -> ImmuneAssessment:
    """The response of a date after an unconfirmed progression: confirmed, still unconfirmed, or the bar is reset.

    Where its new lesions are still seen but grew no further, the bar is reset by shrinkage since then alone: what
    else is known must have become better (scenarios B and F of the paper).
    """
    further = further_growth(assessment, novelty, pending)
    days = (day - pending.day).days
    if further is not None and days < EARLIEST_DAYS:
        why = f"{further}, but only {days} days after the first progression (confirmed from 28 days on)"
        return ImmuneAssessment("iUPD", why)
    if further is not None:
        late = f", {days} days after it: later than the 8 weeks foreseen" if days > LATEST_DAYS else ""
        return ImmuneAssessment("iCPD", further + late)
    known = without_new(assessment)
    if known == "PD":
        return ImmuneAssessment("iUPD", "no further growth since the first progression")
    if known == "NE":
        return ImmuneAssessment("NE", assessment.why)
    if novelty.missing:
        return ImmuneAssessment("NE", "the place of a new lesion was not scanned")
    if novelty.seen and BETTER.index(known) <= BETTER.index(pending.known):
        return ImmuneAssessment("iUPD", "the new lesions are still seen, without further growth")
    return ImmuneAssessment(immune_name(known, novelty), f"{assessment.why}; the bar is reset")


def unconfirmed(day: date, assessment: Assessment, novelty: Novelties) -> Unconfirmed:
    return Unconfirmed(
        day,
        assessment.sum_mm,
        assessment.target == "PD",
        assessment.non_target == PROGRESSED,
        without_new(assessment),
        novelty,
    )


def further_growth(assessment: Assessment, novelty: Novelties, pending: Unconfirmed) -> str | None:
    """Why the progression is confirmed, or None (table 2; "further": than at the first progression)."""
    if novelty.seen - pending.news.known:
        return "a further new lesion since the first progression" if pending.news.known else "a new lesion is seen"
    then, now = novelty.sums_mm(pending.news)
    if now - then >= FURTHER_MM:
        return "new lesions grew by 5 mm or more since the first progression"
    if novelty.others_larger:
        return "non-target disease or small new lesions grew since the first progression"
    measured = None not in (assessment.sum_mm, pending.sum_mm)
    if pending.target and measured and assessment.sum_mm - pending.sum_mm >= FURTHER_MM:
        return "the sum grew by 5 mm or more since the first progression"
    if assessment.target == "PD" and not pending.target:
        return "the target lesions have progressed as well"
    if assessment.non_target == PROGRESSED and not pending.non_target:
        return "non-target disease has progressed as well"
    return None


def without_new(assessment: Assessment) -> str:
    """The RECIST 1.1 response, new lesions aside."""
    return overall_response(assessment.target, assessment.non_target, new_lesions=False)


def immune_name(known: str, novelty: Novelties) -> str:
    """A complete response needs that new lesions are gone as well."""
    if known == "CR" and novelty.known:
        known = "PR"
    return {"non-CR/non-PD": "non-iCR/non-iUPD", "NE": "NE"}.get(known, f"i{known}")
