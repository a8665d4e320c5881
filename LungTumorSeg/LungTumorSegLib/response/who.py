"""Response by the WHO's criteria of 1979, for comparison with old trials.

Source: Miller et al., Reporting results of cancer treatment, Cancer 1981;47:207-214. A lesion's size is the product of
its longest diameter and the longest one at right angles. Complete and partial response also ask for a second look
not less than four weeks later, which is the reader's to check.
"""

from __future__ import annotations

from collections.abc import Sequence

from LungTumorSegLib.response.exact import exact_sum, fell_by, rose_by

PARTIAL_PERCENT, PROGRESS_PERCENT = 50, 25


def who_response(
    baseline_mm2: Sequence[float],
    smallest_mm2: Sequence[float],
    now_mm2: Sequence[float | None],
    new_lesions: bool = False,
) -> str:
    """CR, PR, NC (no change), PD or NE of one date.

    Parameters
    ----------
    baseline_mm2, now_mm2 : the products of the lesions, mm2, in one order; 0 = gone, None = not measured.
    smallest_mm2 : each lesion's smallest product so far: one lesion that grew by 25 % is progression.
    """
    pairs = [(exact_sum([a]), exact_sum([b])) for a, b in zip(now_mm2, smallest_mm2, strict=True) if a is not None]
    if new_lesions or any(rose_by(now, smallest, PROGRESS_PERCENT) for now, smallest in pairs):
        return "PD"
    if None in now_mm2 or not baseline_mm2:
        return "NE"
    total = exact_sum(now_mm2)
    if not total:
        return "CR"
    return "PR" if fell_by(total, exact_sum(baseline_mm2), PARTIAL_PERCENT) else "NC"
