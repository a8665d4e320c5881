"""What base and candidate make of the cases that judge them, drawn side by side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from LungTumorSegLib.training.promotion import Seen
from LungTumorSegLib.volume.orientation import canonical

TRUTH, FOUND, PAPER, INK = "#5ad67d", "#59d0ff", "#1b1f24", "#e6e8ea"
SIDE_MM = 70.0
WINDOW_HU = (-1350.0, 150.0)
MOST = 24  # of each part: enough to look at


class Pictures:
    """A `promotion.Watch` that writes `<part>-<case>-<lesion>.png`: left the base's answer, right the candidate's.

    folder : made where it is not there.
    """

    def __init__(self, folder: Path):
        self.folder, self.drawn = folder, {}
        folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, seen: Seen) -> None:
        self.drawn[seen.part] = self.drawn.get(seen.part, 0) + 1
        if self.drawn[seen.part] <= MOST:
            draw(self.folder / f"{seen.part}-{seen.case}-{seen.lesion}.png", seen)


def draw(path: Path, seen: Seen) -> None:
    """The slice where the reference is largest (of none, where most was found), close up, with both outlines."""
    orientation = canonical(seen.ct.geometry)
    grid = orientation.geometry(seen.ct.geometry)
    truth, base, candidate = (orientation.apply(each) for each in (seen.truth, seen.base, seen.candidate))
    shown = truth if truth.any() else base | candidate
    areas = shown.sum((1, 2))
    k = int(areas.argmax()) if areas.any() else len(areas) // 2
    rows, columns = np.nonzero(shown[k]) if areas.any() else (np.array([n // 2]) for n in shown.shape[1:])
    across, down = grid.spacing[:2]
    image = orientation.apply(seen.ct.voxels)[k]
    figure = Figure(figsize=(5.2, 2.95), dpi=110, facecolor=PAPER)
    FigureCanvasAgg(figure)
    names = ("base", "candidate")
    for place, (name, found, dice) in enumerate(zip(names, (base, candidate), seen.dice, strict=True), start=1):
        axes = figure.add_subplot(1, 2, place)
        axes.imshow(image, cmap="gray", vmin=WINDOW_HU[0], vmax=WINDOW_HU[1], aspect=down / across)
        for mask, colour in ((truth[k], TRUTH), (found[k], FOUND)):
            if mask.any():
                axes.contour(mask, levels=[0.5], colors=[colour], linewidths=1.2)
        half = max(SIDE_MM, 1.3 * across * np.ptp(columns), 1.3 * down * np.ptp(rows)) / 2
        axes.set_xlim(columns.mean() - half / across, columns.mean() + half / across)
        axes.set_ylim(rows.mean() + half / down, rows.mean() - half / down)
        axes.set_facecolor("black")
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)
        axes.set_title(f"{name}: Dice {dice:.3f}", color=INK, fontsize=9)
    figure.text(0.5, 0.02, "green: outlined, blue: found", color=INK, fontsize=7, ha="center")
    figure.subplots_adjust(0.01, 0.07, 0.99, 0.9, 0.02)
    figure.savefig(path, facecolor=PAPER)
