"""A whole scan searched by an automatic model: on which grid, in which windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from LungTumorSegLib.inference.foreground import Foreground
from LungTumorSegLib.inference.grid import network_grid
from LungTumorSegLib.inference.lungs import Lungs
from LungTumorSegLib.inference.options import Options
from LungTumorSegLib.inference.runner import Runner
from LungTumorSegLib.inference.windows import Index, Slid, slide
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.volume.geometry import Geometry

LARGE_BOX_WINDOW = (96, 128, 128)  # for a 3D network without a window of its own, where the box does not fit


@dataclass(frozen=True)
class Search:
    """grid : the box around the lungs at the model's spacing. window : (d, h, w), of a slice network (1, h, w).
    adjacent : slices that a slice network sees, None for a 3D one. notes : one line each, for the user."""

    grid: Geometry
    window: Index
    adjacent: int | None
    notes: tuple[str, ...] = ()

    def run(
        self,
        image: torch.Tensor,
        runner: Runner,
        scan: Geometry,
        lungs: Lungs,
        card: ModelCard,
        options: Options,
        step,
        passed: np.ndarray | None = None,
    ) -> Slid:
        """Logits on the grid, of what the options want shown; windows that hold nothing of the lungs' outline are left
        out, and slices that are not among those `passed`, where that is given."""
        foreground = Foreground(card, options.shown)

        def touching(starts: np.ndarray) -> np.ndarray:
            ends = [self.grid.ijk_to_lps((starts + add)[:, ::-1]) for add in (0, np.subtract(self.window, 1))]
            first, last = (scan.lps_to_ijk(end)[:, ::-1] for end in ends)
            touched = lungs.touched(first, last)
            return touched if passed is None else touched & passed[starts[:, 0]]

        return slide(
            image.to(runner.device),
            self.window,
            lambda inputs: foreground.narrowed(runner(inputs)),
            join=foreground.joined,
            overlap=card.overlap if options.overlap is None else options.overlap,
            weighting=options.weighting,
            batch=runner.batch(self.window),
            adjacent=self.adjacent,
            wanted=touching,
            step=step,
        )


def plan_search(card: ModelCard, scan: Geometry, start: Index, stop: Index, fits) -> Search:
    """How to search the box ``[start, stop)`` of a scan in canonical order.

    fits : window -> whether one such window fits into memory.
    """
    entry = catalogue.entry(card.network)
    n = entry.downsampling
    box = scan.box(start, stop)
    if entry.dimensions == 2:
        if card.window is not None:
            return Search(network_grid(box, card.spacing_mm, (1, 1, 1)), (1, *card.window), card.adjacent_slices)
        grid = network_grid(box, card.spacing_mm, (1, n, n))
        return Search(grid, (1, *grid.shape[1:]), card.adjacent_slices)
    if card.window is not None:
        return Search(network_grid(box, card.spacing_mm, (1, 1, 1)), card.window, None)
    grid = network_grid(box, card.spacing_mm, entry.smallest)
    if fits(grid.shape):
        return Search(grid, grid.shape, None)
    return Search(grid, LARGE_BOX_WINDOW, None, ("the lungs do not fit into memory at once: searched in windows",))
