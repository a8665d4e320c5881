"""Every suspected lesion of a search looked at again by the prompted model, as if somebody had clicked it.

The search sees the whole scan on a coarse grid; the prompted model sees one lesion on a fine one, and outlines it
better.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from LungTumorSegLib.inference.candidates import Candidate
from LungTumorSegLib.inference.grid import Index, to_scan
from LungTumorSegLib.inference.lungs import Lungs
from LungTumorSegLib.inference.marks import Marks
from LungTumorSegLib.inference.prompt import find_lesion
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.volume.geometry import Geometry

FARTHEST_MM = 20.0  # from the lungs' air: of a tumour without any, that much may lie around what the search sees of it
FULL_TRUST_MM = 45.0  # a suspected lesion longer than this keeps what the search found as well: a window of the
# prompted model that holds it is as coarse as the search


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
) -> tuple[Index, np.ndarray, int]:
    """The probability of tumour around every candidate, canonical box on the scan; and how many windows it took.

    Parameters
    ----------
    voxels, geometry : the scan, canonical order.
    card, predict : of the prompted model, see `find_lesion`.
    found : candidates on `grid`; probability : the search's, (d, h, w) on `grid`.
    step : called with the fraction done before each candidate; may raise to stop.

    Where the prompted model finds nothing, or no end, what the search found stays.
    """
    parts: list[tuple[Index, np.ndarray]] = []
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
        if not doubts:  # it found nothing, or ran on to the border of the widest window
            parts.append((start, values))
        if doubts or candidate.longest_mm(grid.spacing[::-1]) > FULL_TRUST_MM:
            parts.append(as_searched(candidate, probability, grid, geometry))
    return *hull(parts), windows


def as_searched(
    candidate: Candidate, probability: torch.Tensor, grid: Geometry, scan: Geometry
) -> tuple[Index, np.ndarray]:
    """The candidate's own component as the search found it, canonical box on the scan."""
    start = tuple(part.start - 1 for part in candidate.box)  # a rim of zeros, for the outline to fall off towards
    stop = tuple(part.stop + 1 for part in candidate.box)
    values = torch.nn.functional.pad(probability[candidate.box] * torch.from_numpy(candidate.inside), [1] * 6)
    return to_scan(values, grid.box(start, stop), scan)


def hull(parts: list[tuple[Index, np.ndarray]]) -> tuple[Index, np.ndarray]:
    """The box around all parts (first voxel, values), with the larger value where several have one."""
    parts = [(np.array(start), values) for start, values in parts if values.size]
    if not parts:
        return (0, 0, 0), np.zeros((0, 0, 0), np.float32)
    first = np.min([start for start, _ in parts], axis=0)
    stop = np.max([start + values.shape for start, values in parts], axis=0)
    merged = np.zeros(stop - first, np.float32)
    for start, values in parts:
        place = tuple(slice(a, a + n) for a, n in zip(start - first, values.shape, strict=True))
        np.maximum(merged[place], values, out=merged[place])
    return tuple(int(a) for a in first), merged
