"""The plot of the sums over the dates, with the lines that decide."""

from __future__ import annotations

import io
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from LungTumorSegLib.report.overview import BACKGROUND, DISCLAIMER, HAIRLINE, WARNING, write_picture
from LungTumorSegLib.report.panel import FAINT, TEXT
from LungTumorSegLib.response.course import Course
from LungTumorSegLib.response.recist import PARTIAL_PERCENT, PROGRESS_PERCENT
from LungTumorSegLib.response.table import study_name

SUM, SHRUNK, GROWN = "#e8ecf0", "#5ad67d", "#ff6b6b"
LESIONS = ("#59b4ff", "#c79bff", "#ffb35a", "#4dd0c8", "#f78fb3")  # none of the colours that judge
COLOURS = {"CR": "#5ad67d", "PR": "#5ad67d", "SD": "#ffd54a", "PD": "#ff6b6b"}


def write_sums(path: str | Path, course: Course) -> None:
    """Draw sum and target lesions over time into a PNG of 1200 x 675 pixels.

    Across: dates to scale (or studies, evenly, where a date is not known). A sum that is not complete leaves a gap.
    Raises InputRefused where the file cannot be written.
    """
    figure = Figure(figsize=(12, 6.75), dpi=100, facecolor=BACKGROUND)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0.075, 0.13, 0.72, 0.74), facecolor=BACKGROUND)
    dated = all(study.day is not None for study in course.studies)
    across = [study.day for study in course.studies] if dated else list(range(len(course.studies)))
    draw_lesions(axes, course, across)
    draw_sums(axes, course, across)
    draw_limits(axes, course)
    style(axes, course, across, dated)
    figure.text(0.075, 0.95, "Response over time", color=TEXT, size=16, weight="bold", va="top")
    figure.text(
        0.795, 0.94, "sum of the target lesions' diameters, RECIST 1.1", color=FAINT, size=10, va="top", ha="right"
    )
    figure.text(0.075, 0.025, DISCLAIMER, color=WARNING, size=9.5, weight="bold")
    png = io.BytesIO()
    canvas.print_png(png)
    write_picture(Path(path), png.getvalue())


def draw_sums(axes: Axes, course: Course, across: list) -> None:
    sums = [None if x.sum_mm is None else float(x.sum_mm) for x in course.responses]
    axes.plot(
        across, [float("nan") if mm is None else mm for mm in sums], color=SUM, linewidth=2.6, marker="o", markersize=8
    )
    for n, (x, found) in enumerate(zip(across, course.responses, strict=True)):
        if n and found.overall:
            y = sums[n] if sums[n] is not None else 0.0
            words = ("new lesion\n" if found.new_lesions else "") + found.overall
            axes.annotate(
                words, (x, y), (0, 13), textcoords="offset points", ha="center", size=12, weight="bold",
                color=COLOURS.get(found.overall, FAINT), annotation_clip=False, linespacing=1.1,
            )  # fmt: skip
        if sums[n] is not None:
            axes.annotate(
                f"{sums[n]:.1f} mm",
                (x, sums[n]),
                (0, -20),
                textcoords="offset points",
                ha="center",
                size=10,
                color=TEXT,
            )


def draw_lesions(axes: Axes, course: Course, across: list) -> None:
    for place, number in enumerate(course.selection.targets):
        track = course.track(number)
        sizes = [track.size_mm(course.studies, n) for n in range(len(across))]
        axes.plot(
            across, [float("nan") if mm is None else mm for mm in sizes],
            color=LESIONS[place % len(LESIONS)], linewidth=1.3, marker="o", markersize=4,
        )  # fmt: skip


def limits(course: Course) -> list[tuple[float, str, str, str]]:
    """What the last date is held against, as (mm, colour, dashes, words)."""
    last = course.responses[-1]
    baseline, nadir = last.baseline_mm, last.nadir_mm
    if not baseline:
        return []
    shrunk, grown = baseline * (100 - PARTIAL_PERCENT) / 100, max(nadir * (100 + PROGRESS_PERCENT) / 100, nadir + 5)
    lines = [
        (float(grown), GROWN, "--", "progression from here:\nnadir +20 % and +5 mm"),
        (float(shrunk), SHRUNK, "--", "partial response to here:\nbaseline -30 %"),
    ]
    if nadir == baseline:
        return [*lines, (float(nadir), FAINT, "-", "baseline = nadir")]
    return [*lines, (float(baseline), FAINT, "-", "baseline"), (float(nadir), FAINT, ":", "nadir before")]


def draw_limits(axes: Axes, course: Course) -> None:
    """The lines, and at the right edge their names and the targets', spread so that none lies on another."""
    names = []
    for mm, colour, dashes, words in limits(course):
        axes.axhline(mm, color=colour, linestyle=dashes, linewidth=1.2, zorder=1)
        names.append((mm, colour, words))
    for place, number in enumerate(course.selection.targets):
        track, last = course.track(number), len(course.studies) - 1
        sizes = [track.size_mm(course.studies, n) for n in range(last + 1)]
        shown = [mm for mm in sizes if mm is not None]
        names.append((shown[-1], LESIONS[place % len(LESIONS)], f"lesion {number}"))
    top = 1.15 * max(mm for mm, _, _ in names) if names else 1.0
    sums = [float(x.sum_mm) for x in course.responses if x.sum_mm is not None]
    axes.set_ylim(0, max([top, *(1.18 * mm for mm in sums)]))
    for at, (mm, colour, words) in zip(spread(names, axes.get_ylim()[1]), sorted(names), strict=True):
        axes.annotate(
            words, (1.0, mm), xycoords=axes.get_yaxis_transform(), xytext=(1.035, at), va="center",
            textcoords=axes.get_yaxis_transform(), color=colour, size=9.5, linespacing=1.1, annotation_clip=False,
            arrowprops={"arrowstyle": "-", "color": colour, "linewidth": 0.8, "shrinkA": 1, "shrinkB": 0},
        )  # fmt: skip


def spread(names: list[tuple[float, str, str]], height: float) -> list[float]:
    """Where the names stand, by rising height: as near to their lines as leaves a line of words between them."""
    ordered = sorted(names)
    line = 0.036 * height
    need = [line * (1 + words.count("\n")) for _, _, words in ordered]
    places: list[float] = []
    for n, (mm, _, _) in enumerate(ordered):
        lowest = places[-1] + (need[n - 1] + need[n]) / 2 if places else need[n] / 2
        places.append(max(mm, lowest))
    return places


def style(axes: Axes, course: Course, across: list, dated: bool) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(HAIRLINE)
    axes.tick_params(colors=FAINT, labelsize=10)
    axes.set_ylabel("mm", color=FAINT, size=10.5)
    axes.margins(x=0.06)
    axes.set_xticks(across, [study_name(course, n) for n in range(len(across))])
    if dated and len(across) > 6:
        locator = AutoDateLocator()
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
