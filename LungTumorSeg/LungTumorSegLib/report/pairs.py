"""The matched lesions side by side, a date a column, so that a person can confirm or change the match."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from LungTumorSegLib.report.overview import BACKGROUND, DISCLAIMER, HAIRLINE, LESIONS, WARNING, write_picture
from LungTumorSegLib.report.panel import FAINT, TEXT, Panel
from LungTumorSegLib.report.views import CanonicalScan
from LungTumorSegLib.response.course import Course
from LungTumorSegLib.response.table import cell, change, doubling, role_in_words, study_name
from LungTumorSegLib.response.tracks import NOT_YET, Track
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Volume

MOST_ROWS = 10
SMALLEST_CROP_MM = 50.0
DPI, MARGIN, CAPTION, SIDE, GAP = 100, 0.3, 2.7, 3.3, 0.16  # inches, as are the places below
HEADER, ROW, FOOTER = 1.1, 3.75, 0.6


def write_pairs(path: str | Path, course: Course, scans: list[Volume], labels: list[np.ndarray]) -> None:
    """Draw every lesion at every date into one PNG: the slice of its long axis, outlined and measured.

    Where a lesion is not seen, the same place of that scan, by registration. Pictures of a row are to one scale; they
    are the scans' own slices, not resampled. Doubtful matches come first, then targets; ten rows at most.

    Parameters
    ----------
    scans, labels : of every study, the baseline first: CT in HU and the lesion numbers on its grid.

    Raises InputRefused where the file cannot be written.
    """
    views = [StudyView(CanonicalScan(ct), Box((0, 0, 0), found)) for ct, found in zip(scans, labels, strict=True)]
    write_picture(Path(path), Pairs(course, views).drawn())


@dataclass(frozen=True, eq=False)
class StudyView:
    """One study's scan and its lesion numbers, seen the same way round."""

    scan: CanonicalScan
    numbers: Box

    @cached_property
    def labels(self) -> Box:
        return self.scan.box(self.numbers)


@dataclass(frozen=True, eq=False)
class Pairs:
    course: Course
    views: list[StudyView]

    @cached_property
    def tracks(self) -> list[Track]:
        def rank(track: Track) -> tuple:
            doubtful = any(x.doubt and not x.confirmed for x in track.findings)
            return not doubtful, track.number not in self.course.selection.targets, track.number

        return sorted(self.course.tracks, key=rank)

    @cached_property
    def size(self) -> tuple[float, float]:
        rows = max(1, min(len(self.tracks), MOST_ROWS))
        return 2 * MARGIN + CAPTION + len(self.views) * (SIDE + GAP), HEADER + rows * ROW + FOOTER

    def drawn(self) -> bytes:
        figure = Figure(figsize=self.size, dpi=DPI, facecolor=BACKGROUND)
        canvas = FigureCanvasAgg(figure)
        self._write(figure, MARGIN, 0.22, "Is it the same lesion?", size=16, weight="bold")
        for n in range(len(self.views)):
            left = MARGIN + CAPTION + n * (SIDE + GAP)
            self._write(figure, left, 0.62, study_name(self.course, n), size=11.5, weight="bold")
            if n:
                fit = self.course.studies[n].alignment
                words = f"lungs overlap {fit.overlap:.2f}, {fit.surface_mm:.1f} mm apart"
                self._write(figure, left + SIDE, 0.65, words, size=9, color=FAINT, ha="right")
        for row, track in enumerate(self.tracks[:MOST_ROWS]):
            self._row(figure, track, HEADER + row * ROW)
        hidden = len(self.tracks) - MOST_ROWS
        note = f"and {hidden} more lesions in response.csv   " if hidden > 0 else ""
        note += "Yellow: long axis. Blue: short axis. Ring: its place by registration, where nothing is outlined."
        self._write(figure, MARGIN, self.size[1] - 0.5, note, size=9, color=FAINT)
        self._write(figure, MARGIN, self.size[1] - 0.28, DISCLAIMER, size=9.5, color=WARNING, weight="bold")
        png = io.BytesIO()
        canvas.print_png(png)
        return png.getvalue()

    def _row(self, figure: Figure, track: Track, top: float) -> None:
        y = 1 - (top - 0.12) / self.size[1]
        ends = [MARGIN / self.size[0], 1 - MARGIN / self.size[0]]
        figure.add_artist(Line2D(ends, [y, y], color=HAIRLINE, linewidth=0.8))
        tint = LESIONS[(track.number - 1) % len(LESIONS)]
        self._write(figure, MARGIN, top, f"Lesion {track.number}", size=14, weight="bold", color=tint)
        lines = [(role_in_words(self.course, track), TEXT)]
        for n in range(len(self.views)):
            lines.append((f"{study_name(self.course, n)}   {cell(self.course, track, n)}", TEXT))
        size = change(self.course, track)
        lines += [(words, TEXT) for words in (size and f"size {size}", doubling(self.course, track)) if words]
        for n, finding in enumerate(track.findings):
            if finding.distance_mm is not None:
                lines.append((f"{study_name(self.course, n)}   {finding.distance_mm:.1f} mm off its place", FAINT))
            if finding.doubt and not finding.confirmed and n:
                lines.append((f"look at: {finding.doubt}", WARNING))
        for n, (words, colour) in enumerate(lines):
            self._write(figure, MARGIN, top + 0.38 + 0.24 * n, words, size=9.5, color=colour)
        width_mm = self._width_mm(track)
        for n in range(len(self.views)):
            left = MARGIN + CAPTION + n * (SIDE + GAP)
            self._picture(self._axes(figure, left, top), track, n, width_mm, tint)

    def _picture(self, axes: Axes, track: Track, n: int, width_mm: float, tint: str) -> None:
        """Centred on the lesion, in the slice of its long axis; or on its place by registration."""
        study, view = self.course.studies[n], self.views[n]
        finding = track.findings[n]
        numbers = finding.lesions or ((finding.into,) if finding.into is not None else ())
        parts = [study.lesion(number) for number in numbers]
        if parts:
            middle = np.mean([np.mean(part.long_axis_points_lps, axis=0) for part in parts[:1]], axis=0)
        else:
            middle = study.alignment.from_baseline(self._last_place(track, n))
        scan, plane = view.scan, view.scan.acquisition
        position = scan.position(middle)
        index = round(float(position[plane.across] / scan.spacing[plane.across]))
        if not 0 <= index < scan.geometry.shape[plane.across]:
            axes.text(0.5, 0.5, "outside this scan", color=FAINT, ha="center", va="center", transform=axes.transAxes)
            return
        panel = Panel(axes, scan, plane, index, position, width_mm)
        for part in parts:
            panel.outline(view.labels, part.id, tint)
        if len(parts) == 1:
            panel.diameters(parts[0])
        if not parts:
            x, y = position[plane.columns], position[plane.rows]
            axes.plot(x, y, "o", markersize=26, markerfacecolor="none", color=tint, markeredgewidth=1.2)
        named = " + ".join(f"#{number}" for number in numbers)
        panel.name(
            f"{named}  slice {index}"
            if named
            else ("before it was seen" if finding.state == NOT_YET else finding.state)
        )

    def _last_place(self, track: Track, n: int) -> np.ndarray:
        """Where it was seen at the date nearest to study n, in the baseline's LPS mm."""
        seen = [m for m, finding in enumerate(track.findings) if finding.lesions]
        m = min(seen, key=lambda m: (abs(m - n), m))
        study = self.course.studies[m]
        return study.alignment.to_baseline(study.lesion(track.findings[m].lesions[0]).centre_lps)

    def _width_mm(self, track: Track) -> float:
        sizes = [
            self.course.studies[n].lesion(number).max_3d_diameter_mm
            for n, finding in enumerate(track.findings)
            for number in (*finding.lesions, *([finding.into] if finding.into is not None else []))
        ]
        return max(SMALLEST_CROP_MM, 1.9 * max(sizes))

    def _axes(self, figure: Figure, left: float, top: float) -> Axes:
        width, height = self.size
        axes = figure.add_axes((left / width, 1 - (top + SIDE) / height, SIDE / width, SIDE / height))
        axes.set(xticks=[], yticks=[], facecolor="#000000")
        axes.spines[:].set_visible(False)
        return axes

    def _write(self, figure: Figure, left: float, top: float, words: str, **style) -> None:
        style = {"color": TEXT, "va": "top"} | style
        figure.text(left / self.size[0], 1 - top / self.size[1], words, **style)
