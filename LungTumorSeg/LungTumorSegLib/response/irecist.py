"""Response under immunotherapy: iRECIST.

Source: Seymour et al., iRECIST: guidelines for response criteria for use in trials testing immunotherapeutics,
Lancet Oncol 2017;18:e143-e152 (its table 2), and the working group's answers (recist.eortc.org).

A first progression by RECIST 1.1 is unconfirmed (iUPD). It is confirmed (iCPD) where a later assessment, at least four
weeks after, shows growth on top of it; small growth from date to date adds up. Shrinking to iSD, iPR or iCR sets the
bar back: the next progression is unconfirmed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
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

    new_target_mm : the sizes of the measurable new lesions (up to 5, 2 an organ); their sum is compared.
    new_count : all lesions that count as new at this date.
    others_larger : new non-target lesions, or non-target disease, grew since the unconfirmed progression: a reader's
        word; the growth need not be unequivocal.
    """

    new_target_mm: tuple[float, ...] = ()
    new_count: int = 0
    others_larger: bool = False


@dataclass(frozen=True)
class ImmuneAssessment:
    """overall : iCR, iPR, iSD, iUPD, iCPD, NE or (no target disease) non-iCR/non-iUPD. why : one sentence."""

    overall: str
    why: str


@dataclass(frozen=True)
class Unconfirmed:
    """The first progression of a run that was not confirmed yet: what later dates are compared with.

    known : without its new lesions, what the response would have been.
    """

    day: date
    sum_mm: Fraction | None
    target: bool
    non_target: bool
    known: str
    new_mm: Fraction
    new_count: int


@dataclass(frozen=True)
class NewDisease:
    """New lesions that were there when the bar was reset: no progression by themselves any more."""

    count: int = 0
    smallest_mm: Fraction = Fraction(0)


def assess_immune(
    dates: Sequence[date], assessments: Sequence[Assessment], novelties: Sequence[Novelties]
) -> list[ImmuneAssessment | None]:
    """The iRECIST response at every date; None for the baseline, which comes first. Once iCPD, always iCPD.

    assessments : of `recist.assess`, whose nadir and thresholds iRECIST shares.
    """
    found: list[ImmuneAssessment | None] = [None]
    pending: Unconfirmed | None = None
    accepted = NewDisease()
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
            total = exact_sum(novelty.new_target_mm)
            known = novelty.new_count == accepted.count
            accepted = NewDisease(novelty.new_count, min(total, accepted.smallest_mm) if known else total)
        found.append(result)
    return found


def at_rest(assessment: Assessment, novelty: Novelties, accepted: NewDisease) -> ImmuneAssessment:
    """The response where no progression waits for its confirmation."""
    grown = exact_sum(novelty.new_target_mm)
    worse = rose_by(grown, accepted.smallest_mm, PROGRESS_PERCENT) and grown - accepted.smallest_mm >= FURTHER_MM
    known = without_new(assessment)
    if novelty.new_count > accepted.count or known == "PD" or (accepted.count and worse):
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
    if novelty.new_count and BETTER.index(known) <= BETTER.index(pending.known):
        return ImmuneAssessment("iUPD", "the new lesions are still seen, without further growth")
    return ImmuneAssessment(immune_name(known, novelty), f"{assessment.why}; the bar is reset")


def unconfirmed(day: date, assessment: Assessment, novelty: Novelties) -> Unconfirmed:
    return Unconfirmed(
        day,
        assessment.sum_mm,
        assessment.target == "PD",
        assessment.non_target == PROGRESSED,
        without_new(assessment),
        exact_sum(novelty.new_target_mm),
        novelty.new_count,
    )


def further_growth(assessment: Assessment, novelty: Novelties, pending: Unconfirmed) -> str | None:
    """Why the progression is confirmed, or None (table 2; "further": than at the first progression)."""
    if novelty.new_count > pending.new_count:
        return "more new lesions than at the first progression" if pending.new_count else "a new lesion is seen"
    if pending.new_count and exact_sum(novelty.new_target_mm) - pending.new_mm >= FURTHER_MM:
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
    if known == "CR" and novelty.new_count:
        known = "PR"
    return {"non-CR/non-PD": "non-iCR/non-iUPD", "NE": "NE"}.get(known, f"i{known}")
