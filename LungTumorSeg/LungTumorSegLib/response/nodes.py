"""Nodes that were normal and grow.

A node below 10 mm is no disease; from a short axis of 10 mm on it is a new lesion. A small rise, as from 9 to 11 mm,
may mean nothing: where all else is quiet and the node is below 15 mm, the next date is to decide (recist.eortc.org,
"New lymph node lesions"). Here it is progression all the same, as a node seen for the first time is; a person is asked
to look.
"""

from __future__ import annotations

from dataclasses import replace

from LungTumorSegLib.response.recist import NORMAL_NODE_MM
from LungTumorSegLib.response.study import Study
from LungTumorSegLib.response.targets import NODE_MM
from LungTumorSegLib.response.tracks import MEASURED, Track

SMALL_RISE = "is this rise of a node too small?"


def is_normal(track: Track, studies: list[Study], n: int) -> bool:
    """A node that is measured at study n, and below 10 mm."""
    return track.node and track.findings[n].state == MEASURED and track.size_mm(studies, n) < NORMAL_NODE_MM


def small_rise(track: Track, studies: list[Study], n: int) -> bool:
    """A node of 10 mm to below 15 mm that was normal at the date before."""
    if not track.node or track.findings[n].state != MEASURED:
        return False
    earlier = [mm for m in range(n) if (mm := track.size_mm(studies, m)) is not None]
    return bool(earlier) and earlier[-1] < NORMAL_NODE_MM <= track.size_mm(studies, n) < NODE_MM


def pointed_out(track: Track, studies: list[Study]) -> Track:
    """The track with a doubt at every small rise that the user has not confirmed."""
    findings = [
        replace(finding, doubt="; ".join(filter(None, [finding.doubt, SMALL_RISE])))
        if small_rise(track, studies, n) and not finding.confirmed
        else finding
        for n, finding in enumerate(track.findings)
    ]
    return replace(track, findings=tuple(findings))
