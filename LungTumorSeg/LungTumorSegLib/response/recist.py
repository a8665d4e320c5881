"""Response by RECIST 1.1.

Source: Eisenhauer et al., New response evaluation criteria in solid tumours: revised RECIST guideline (version 1.1),
Eur J Cancer 2009;45:228-247. "4.3.1" and the like are its sections, "Appendix III" its questions and answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from LungTumorSegLib.response.exact import exact, exact_sum, fell_by, percent_change, rose_by

TOO_SMALL_MM = 5.0  # entered for a lesion that is seen but too small to measure (4.3.2)
NORMAL_NODE_MM = 10.0  # a node with a shorter short axis is normal (3.1, 4.3.1)
PROGRESS_MM = 5  # the least absolute growth of the sum (4.3.1)
PROGRESS_PERCENT, PARTIAL_PERCENT = 20, 30  # 4.3.1

# Non-target disease (4.3.3)
GONE, STABLE, PROGRESSED, NOT_EVALUATED = "CR", "non-CR/non-PD", "PD", "NE"


@dataclass(frozen=True)
class TimePoint:
    """What was found at one date.

    targets_mm : a value a target lesion, in one order at all dates: long axis, short axis of a node. 0 = gone; None =
        not measured. A lesion seen but too small to measure is `TOO_SMALL_MM`. Empty: no target disease.
    non_target : `GONE`, `STABLE`, `PROGRESSED` (unequivocal, a reader's word) or `NOT_EVALUATED`; None: there is none.
    new_lesions : an unequivocal new lesion is seen.
    non_target_seen : non-target disease that is no node is seen, whatever else was not evaluated.
    new_not_evaluated : the place of a lesion that was new before was not scanned.
    """

    targets_mm: tuple[float | None, ...]
    non_target: str | None = None
    new_lesions: bool = False
    non_target_seen: bool = False
    new_not_evaluated: bool = False


@dataclass(frozen=True)
class Assessment:
    """The response at one date. Sums in mm, exact; the baseline itself has no response (None).

    target, non_target, overall : CR, PR, SD, PD, NE (non_target and, without targets, overall also non-CR/non-PD).
    nadir_mm : the smallest earlier sum, the baseline's included.
    why : one sentence with the figures that decided.
    """

    sum_mm: Fraction | None
    baseline_mm: Fraction | None
    nadir_mm: Fraction | None
    target: str | None = None
    non_target: str | None = None
    new_lesions: bool = False
    overall: str | None = None
    why: str = ""

    @property
    def from_baseline_percent(self) -> float | None:
        return self._change(self.baseline_mm)

    @property
    def from_nadir_percent(self) -> float | None:
        return self._change(self.nadir_mm)

    def _change(self, reference: Fraction | None) -> float | None:
        return None if self.sum_mm is None or reference is None else percent_change(self.sum_mm, reference)


def assess(points: Sequence[TimePoint], nodes: Sequence[bool]) -> list[Assessment]:
    """The response at every date.

    Once the response was complete, any lesion that is back is progression (recist.eortc.org, "Does a new lesion always
    result in PD?"), until it is gone again. A node must be 10 mm to be back if it is a target, and if it is none, a
    reader must see unequivocal progression ("Abnormal lymph node").

    Parameters
    ----------
    points : the baseline first, then every follow-up by date.
    nodes : which of the targets are lymph nodes.
    """
    baseline = points[0]
    if any(len(point.targets_mm) != len(nodes) for point in points):
        raise ValueError("every date must give a value, or None, for every target")
    if None in baseline.targets_mm:
        raise ValueError("every target is measured at baseline")
    first = exact_sum(baseline.targets_mm)
    nadir, complete = first, False
    found = [Assessment(first, first, None)]
    for point in points[1:]:
        measured = [mm for mm in point.targets_mm if mm is not None]
        target, why = target_response(point.targets_mm, nodes, first, nadir, after_complete=complete)
        back = complete and point.non_target_seen
        non_target = PROGRESSED if back else point.non_target
        overall = overall_response(target, non_target, point.new_lesions, point.new_not_evaluated)
        whole = len(measured) == len(nodes)
        total = exact_sum(measured) if whole else None
        found.append(
            Assessment(total, first, nadir, target, non_target, point.new_lesions, overall, reason(point, why, back))
        )
        if whole:
            nadir = min(nadir, total)
        complete = complete or overall == "CR"
    return found


def target_response(
    values_mm: Sequence[float | None],
    nodes: Sequence[bool],
    baseline: Fraction,
    nadir: Fraction,
    after_complete: bool = False,
) -> tuple[str | None, str]:
    """CR, PR, SD, PD or NE of the target lesions, and why (4.3.1); None where there are none.

    after_complete : the response was CR at an earlier date: then a target that is back is PD whatever its size
        (Appendix III); a node is back from 10 mm on (recist.eortc.org, "Abnormal lymph node").
    """
    if not len(nodes):
        return None, "there is no target lesion"
    measured = [(mm, node) for mm, node in zip(values_mm, nodes, strict=True) if mm is not None]
    missing = len(nodes) - len(measured)
    total = exact_sum(mm for mm, _ in measured)
    left = any(exact(mm) >= NORMAL_NODE_MM if node else mm for mm, node in measured)
    grown = rose_by(total, nadir, PROGRESS_PERCENT) and total - nadir >= PROGRESS_MM
    if missing:
        if grown:  # what is missing cannot make the sum smaller (4.4.2)
            return "PD", f"{missing} not measured, but the others alone {growth(total, nadir)}"
        if after_complete and left:
            return "PD", f"{missing} not measured, but a target is back after complete response"
        return "NE", f"{missing} of {len(nodes)} targets not measured"
    if not left:
        return "CR", "all targets are gone" + (" and nodes are below 10 mm" if any(nodes) else "")
    if grown:
        return "PD", f"the sum {growth(total, nadir)}"
    if after_complete:
        return "PD", "a target is back after complete response"
    if fell_by(total, baseline, PARTIAL_PERCENT):
        return "PR", f"the sum is {shown(percent_change(total, baseline))} against the baseline (-30 % or less)"
    if rose_by(total, nadir, PROGRESS_PERCENT):
        return "SD", f"the sum {growth(total, nadir)}: less than 5 mm"
    return "SD", (
        f"the sum is {shown(percent_change(total, baseline))} against the baseline, "
        f"{shown(percent_change(total, nadir))} against the smallest"
    )


def overall_response(
    target: str | None, non_target: str | None, new_lesions: bool, new_not_evaluated: bool = False
) -> str:
    """The response of a date: table 1 (with target disease) and table 2 (non-target disease alone) of 4.4.1.

    No disease at all at baseline and none since is NE: there is nothing whose response could be judged. A new lesion
    whose place is not scanned any more counts as non-target disease that was not evaluated: no complete response.
    """
    if new_lesions or "PD" in (target, non_target):
        return "PD"
    if new_not_evaluated and non_target in (None, GONE):
        non_target = NOT_EVALUATED
    if target is None:
        return non_target or "NE"
    if target == "CR":
        return "CR" if non_target in (None, GONE) else "PR"
    return target


def growth(total: Fraction, nadir: Fraction) -> str:
    by = percent_change(total, nadir)
    share = "" if by is None else f"{shown(by)} = "
    return f"is {share}{float(total - nadir):+.1f} mm above the smallest ({float(nadir):.1f} mm)"


def shown(percent: float | None) -> str:
    return "0 %" if percent is None else f"{percent:+.1f} %"


def reason(point: TimePoint, why: str, back: bool) -> str:
    extra = []
    if point.new_lesions:
        extra.append("a new lesion is seen")
    if point.new_not_evaluated:
        extra.append("the place of a new lesion was not scanned")
    if point.non_target == PROGRESSED:
        extra.append("non-target disease has progressed")
    elif back:
        extra.append("a non-target lesion is back after complete response")
    elif point.non_target == STABLE:
        extra.append("non-target disease persists")
    return "; ".join([why, *extra])
