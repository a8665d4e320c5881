"""The FROC as a picture: the curve, and the points of the CPM with their intervals."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from LungTumorSegLib.evaluation.cohort import Cohort
from LungTumorSegLib.evaluation.froc import POINTS
from LungTumorSegLib.report.overview import BACKGROUND, DISCLAIMER, HAIRLINE, WARNING, write_picture
from LungTumorSegLib.report.panel import FAINT, TEXT

LINE = "#59d0ff"


def write_froc(path: Path, cohort: Cohort) -> None:
    """Across: false positives a scan, 1/16 to 16, logarithmic; up: share of lesions found."""
    figure = Figure(figsize=(9, 6), dpi=100, facecolor=BACKGROUND)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.09, 0.15, 0.87, 0.71), facecolor=BACKGROUND)
    across = np.geomspace(1 / 16, 16, 400)
    rows = cohort.froc
    points = [rows[f"{point:g}"] for point in POINTS]
    for place, row in zip(POINTS, points, strict=True):
        axes.plot([place, place], [row.low, row.high], color=LINE, alpha=0.45, linewidth=5, solid_capstyle="butt")
    ends = cohort.curve.false_positives.max(initial=0.0)
    seen = across <= ends
    curve = cohort.curve.sensitivity_at(across)
    axes.plot(across[seen], curve[seen], color=LINE, linewidth=2.2)
    axes.plot(across[~seen], curve[~seen], color=LINE, linewidth=1.4, linestyle=(0, (3, 3)))
    axes.plot(POINTS, [r.value for r in points], "o", color=LINE, markersize=6)
    axes.set_xscale("log", base=2)
    axes.set(xlim=(1 / 16, 16), ylim=(-0.02, 1.04))
    axes.set_xticks(POINTS, ["1/8", "1/4", "1/2", "1", "2", "4", "8"])
    axes.set_xticks([], minor=True)
    axes.grid(color=HAIRLINE, linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(HAIRLINE)
    axes.tick_params(colors=FAINT, labelsize=10)
    axes.set_xlabel("false positives a scan", color=FAINT, size=10.5)
    axes.set_ylabel("lesions found", color=FAINT, size=10.5)
    cpm = rows["CPM"]
    words = f"CPM {cpm.value:.3f} [{cpm.low:.3f}, {cpm.high:.3f}]" if cohort.lesion_count else "no lesion to find"
    figure.text(
        0.09, 0.955, "Lesions found against false positives (FROC)", color=TEXT, size=14, weight="bold", va="top"
    )
    figure.text(
        0.09, 0.895, f"{cohort.lesion_count} lesions, {len(cohort.cases)} scans;  {words}", color=FAINT, va="top"
    )
    figure.text(
        0.96, 0.895, "dashed: no candidates left;  bars: 95 % intervals", color=FAINT, size=9, va="top", ha="right"
    )
    figure.text(0.09, 0.03, DISCLAIMER, color=WARNING, size=9, weight="bold")
    png = io.BytesIO()
    canvas.print_png(png)
    write_picture(path, png.getvalue())
