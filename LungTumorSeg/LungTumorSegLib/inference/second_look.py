"""Every suspected lesion of a search looked at again by the prompted model, as if somebody had clicked it.

The search sees the whole scan on a coarse grid; the prompted model sees one lesion on a fine one, and outlines it
better.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from LungTumorSegLib.inference.candidates import Candidate
from LungTumorSegLib.inference.grid import to_scan
from LungTumorSegLib.inference.lungs import Lungs
from LungTumorSegLib.inference.marks import Marks
from LungTumorSegLib.inference.prompt import find_lesion
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.volume.box import Box, hull
from LungTumorSegLib.volume.geometry import Geometry

FARTHEST_MM = 20.0  # from the lungs' air: of a tumour without any, that much may lie around what the search sees of it
SHARED = 0.5  # of the smaller of two outlines: they mean one lesion


def near_lungs(found: list[Candidate], grid: Geometry, lungs: Lungs, scan: Geometry) -> tuple[list[Candidate], str]:
    """The candidates (on `grid`) of which a voxel lies within `FARTHEST_MM` of the lungs' air in the scan; and one line
    that says how many do not, "" where all do."""
    if not found:
        return [], ""
    voxels = [np.argwhere(candidate.inside) + [part.start for part in candidate.box] for candidate in found]
    at = scan.lps_to_ijk(grid.ijk_to_lps(np.concatenate(voxels)[:, ::-1]))[:, ::-1]
    starts = np.cumsum([0, *(len(each) for each in voxels[:-1])])
    nearest = np.minimum.reduceat(lungs.away_mm(at, scan.spacing[::-1]), starts)
    near = [candidate for candidate, mm in zip(found, nearest, strict=True) if mm <= FARTHEST_MM]
    away = len(found) - len(near)
    where = f"more than {FARTHEST_MM:.0f} mm from the lungs' air"
    return near, f"left out {where}: {away} suspicion{'s' * (away > 1)}" if away else ""


def outlined(
    voxels: np.ndarray,
    geometry: Geometry,
    card: ModelCard,
    predict: Callable[[torch.Tensor], torch.Tensor],
    found: list[Candidate],
    probability: torch.Tensor,
    grid: Geometry,
    threshold: float,
    step: Callable[[float], None] = lambda fraction: None,
) -> tuple[Box, int]:
    """The probability of tumour around every candidate, canonical box on the scan; and how many windows it took.

    Parameters
    ----------
    voxels, geometry : the scan, canonical order.
    card, predict : of the prompted model, see `find_lesion`.
    found : candidates on `grid`, the surest first; probability : the search's, (d, h, w) on `grid`.
    step : called with the fraction done before each candidate; may raise to stop.

    Where the prompted model finds nothing, or no end, what the search found stays. Several suspicions may lie in one
    lesion: of outlines that mean the same one (`SHARED`) the surer suspicion's stays, since those from its rim are the
    worse ones (non-maximum suppression).
    """
    parts: list[Box] = []
    windows = 0

    def counted(inputs: torch.Tensor) -> torch.Tensor:
        nonlocal windows
        windows += 1
        return predict(inputs)

    for number, candidate in enumerate(found):
        step(number / len(found))
        at = grid.ijk_to_lps(candidate.voxel[::-1])
        inside = geometry.lps_to_ijk(at).round().clip(0, np.array(geometry.shape[::-1]) - 1)
        marks = Marks.of([geometry.ijk_to_lps(inside)])
        start, values, doubts = find_lesion(voxels, geometry, card, counted, marks, threshold)
        # With doubts it found nothing, or ran on to the border of the widest window.
        answer = as_searched(candidate, probability, grid, geometry) if doubts else Box(start, values)
        if not any(of_one_lesion(answer, surer, threshold) for surer in parts):
            parts.append(answer)
    return hull(parts), windows


def of_one_lesion(one: Box, other: Box, threshold: float) -> bool:
    """Whether two answers share at least `SHARED` of the smaller outline."""
    overlap = one.overlap(other)
    if overlap is None:
        return False
    shared = np.count_nonzero(np.minimum(*overlap) >= threshold)
    smaller = min(np.count_nonzero(box.values >= threshold) for box in (one, other))
    return shared >= SHARED * max(1, smaller)


def as_searched(candidate: Candidate, probability: torch.Tensor, grid: Geometry, scan: Geometry) -> Box:
    """The candidate's own component as the search found it, canonical box on the scan."""
    start = tuple(part.start - 1 for part in candidate.box)  # a rim of zeros, for the outline to fall off towards
    stop = tuple(part.stop + 1 for part in candidate.box)
    values = torch.nn.functional.pad(probability[candidate.box] * torch.from_numpy(candidate.inside), [1] * 6)
    return Box(*to_scan(values, grid.box(start, stop), scan))
