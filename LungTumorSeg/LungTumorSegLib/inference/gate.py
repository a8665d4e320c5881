"""The first of two stages (system 2): which slices are worth segmenting."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from LungTumorSegLib.inference.grid import positions, to_network
from LungTumorSegLib.inference.lungs import Lungs
from LungTumorSegLib.inference.runner import Runner
from LungTumorSegLib.inference.scan import Scan
from LungTumorSegLib.inference.search import plan_search
from LungTumorSegLib.inference.windows import Index, read_slices
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.volume.geometry import Geometry


class Passed(NamedTuple):
    """slices : bool, which slices of the segmenting network's grid may hold the target. judged : slices of the gate's
    own grid that ran. window : (1, h, w), their size."""

    slices: np.ndarray
    judged: int
    window: Index


def ask_gate(
    scan: Scan, lungs: Lungs, grid: Geometry, card: ModelCard, runner: Runner, step: Callable[[float], None]
) -> Passed:
    """What a gate lets through, of the slices of `grid`.

    card, runner : the gate's. It judges every slice of the box around the lungs on a grid of its own; a slice of `grid`
    passes when the nearest of those does.
    step : called with the fraction done before each batch; may raise to stop.
    """
    search = plan_search(card, scan.geometry, lungs.start, lungs.stop, runner.fits)
    image = to_network(scan.voxels, scan.geometry, search.grid, card.hu_range).to(runner.device)
    starts = np.stack([np.arange(len(image)), np.zeros(len(image), int), np.zeros(len(image), int)], -1)
    batch = runner.batch(search.window)
    logits = []
    for done in range(0, len(starts), batch):
        step(done / len(starts))
        inputs = read_slices(image, starts[done : done + batch], search.window, search.adjacent)
        logits.append(runner(inputs).view(-1).cpu())
    open_slices = (torch.cat(logits).sigmoid() >= card.threshold).numpy()
    nearest = np.clip(np.round(positions(grid, search.grid)[0]).astype(int), 0, len(open_slices) - 1)
    return Passed(open_slices[nearest], len(starts), search.window)
