"""Which lesions of the baseline are targets (Eisenhauer et al. 2009, 3.1, 4.2 and Appendix II)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.response.recist import NORMAL_NODE_MM
from LungTumorSegLib.response.study import Study
from LungTumorSegLib.response.tracks import Track

LESION_MM, NODE_MM = 10.0, 15.0  # long axis; a node's short axis (3.1.1)
MOST, MOST_AN_ORGAN = 5, 2  # 4.2


@dataclass(frozen=True)
class Selection:
    """targets, non_targets : numbers of tracks. why : number -> why it is no target, or what is odd about it as one.

    normal_nodes : nodes that are normal at baseline (short axis below 10 mm), hence neither; new where they grow.
    """

    targets: tuple[int, ...]
    non_targets: tuple[int, ...]
    why: dict[int, str]
    normal_nodes: tuple[int, ...]


def select(tracks: Sequence[Track], studies: list[Study], named: Iterable[int] = ()) -> Selection:
    """Choose the targets by size, or take those that the user names.

    The largest lesion of every organ first, so that all organs are represented, then the second largest.
    """
    slice_mm = slice_spacing(studies[0])
    at_baseline = {track.number: track for track in tracks if not track.new}
    size = {number: track.size_mm(studies, 0) for number, track in at_baseline.items()}
    why = {n: reason for n, track in at_baseline.items() if (reason := too_small(size[n], track.node, slice_mm))}
    named = tuple(dict.fromkeys(named))
    unknown = [number for number in named if number not in at_baseline]
    if unknown:
        raise InputRefused(f"--target {unknown[0]}: the baseline has no such lesion; see the printed table.")
    chosen = named or by_organ({n: t for n, t in at_baseline.items() if n not in why}, size)
    for number in at_baseline:
        if number not in chosen and number not in why:
            why[number] = "chosen otherwise" if named else "larger ones are chosen: 5 in all, 2 an organ"
    if named:
        why |= over_the_limits([at_baseline[n] for n in named])
    normal = tuple(n for n, t in at_baseline.items() if t.node and size[n] < NORMAL_NODE_MM and n not in chosen)
    others = tuple(n for n in at_baseline if n not in chosen and n not in normal)
    return Selection(chosen, others, why, normal)


def slice_spacing(study: Study) -> float:
    """Between slices of the acquisition, mm."""
    return study.geometry.spacing[2 - study.geometry.slice_axis]


def too_small(size_mm: float, node: bool, slice_mm: float) -> str:
    """Why a lesion is not measurable, or "": 10 mm (a node 15 mm), and twice the slice where slices are above 5 mm."""
    least = max(NODE_MM if node else LESION_MM, 2 * slice_mm if slice_mm > 5 else 0.0)
    if size_mm >= least:
        return ""
    if node and size_mm < NORMAL_NODE_MM:
        return "a normal node at baseline: short axis below 10 mm"
    return f"{'short' if node else 'long'} axis below {least:g} mm"


def by_organ(candidates: dict[int, Track], size: dict[int, float]) -> tuple[int, ...]:
    ranked = sorted(candidates, key=lambda n: (-size[n], n))
    rank_in_organ, seen = {}, {}
    for number in ranked:
        organ = candidates[number].organ
        rank_in_organ[number] = seen.get(organ, 0)
        seen[organ] = rank_in_organ[number] + 1
    allowed = [number for number in ranked if rank_in_organ[number] < MOST_AN_ORGAN]
    return tuple(sorted(sorted(allowed, key=lambda n: rank_in_organ[n])[:MOST]))


def over_the_limits(tracks: list[Track]) -> dict[int, str]:
    odd, organs = {}, {}
    for place, track in enumerate(tracks):
        organs[track.organ] = organs.get(track.organ, 0) + 1
        if place >= MOST or organs[track.organ] > MOST_AN_ORGAN:
            odd[track.number] = "more than 5 targets, or 2 an organ, as RECIST 1.1 allows"
    return odd
