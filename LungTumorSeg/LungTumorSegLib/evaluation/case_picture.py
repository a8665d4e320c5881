"""A case to look at: slice and truth, heat map, prediction, side by side."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.ndimage import find_objects

from LungTumorSegLib.evaluation.case_scores import CaseScores, LoadedCase
from LungTumorSegLib.evaluation.lesions import Candidate, ReferenceLesion
from LungTumorSegLib.measurement.components import bounding_box
from LungTumorSegLib.report.overview import BACKGROUND, DISCLAIMER, WARNING, write_picture
from LungTumorSegLib.report.panel import FAINT, TEXT, Panel
from LungTumorSegLib.report.views import CanonicalScan, seen
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Volume

TRUTH, FOUND = "#5ad67d", "#59d0ff"
MOST_ROWS = 3
SMALLEST_CROP_MM = 50.0
DPI, SIDE, GAP, MARGIN, HEADER, CAPTION, FOOTER = 100, 3.3, 0.14, 0.3, 0.75, 0.3, 0.45  # inches
NO_IMAGE = np.int16(-600)  # the window's middle: masks on plain grey


def write_case_picture(
    path: Path, case: LoadedCase, scores: CaseScores, image: Volume | None = None, in_hu: bool = True
) -> None:
    """A row each for the three largest lesions of the reference, and one with the surest false finds.

    Pictures of a lesion: the whole slice with the reference (green); close up the same; Grad-CAM where there;
    probability and prediction (blue); both outlines. The slice is where it is largest. Without the CT, masks on grey.

    in_hu : False where the image is on a scale of its own, such as MR or an X-ray.
    """
    write_picture(path, CasePicture(case, scores, image, in_hu).drawn())


@dataclass(frozen=True, eq=False)
class CasePicture:
    case: LoadedCase
    scores: CaseScores
    image: Volume | None
    in_hu: bool = True

    @cached_property
    def scan(self) -> CanonicalScan:
        grid = self.case.geometry
        if self.image is None:
            return CanonicalScan(Volume(np.broadcast_to(NO_IMAGE, grid.shape), grid))
        return seen(self.image, self.in_hu)

    @cached_property
    def truth(self) -> Box:
        return self._canonical(self.case.reference)

    @cached_property
    def found(self) -> Box:
        return self._canonical(self.case.prediction)

    @cached_property
    def heats(self) -> list[tuple[str, Box, str]]:
        heats = []
        if self.case.gradcam is not None:
            heats.append(("Grad-CAM", self._canonical(self.case.gradcam), "turbo"))
        probability = self.case.probability
        heats.append(("prediction", None if probability is None else self._canonical(probability), "plasma"))
        return heats

    def _canonical(self, array: np.ndarray) -> Box:
        """The box around what is not 0, in canonical order."""
        box = bounding_box(array)
        if box is None:
            return Box((0, 0, 0), np.zeros((0, 0, 0), array.dtype))
        return self.scan.box(Box(tuple(side.start for side in box), array[box]))

    @cached_property
    def lesions(self) -> list[ReferenceLesion]:
        return sorted(self.scores.detection.lesions, key=lambda lesion: -lesion.voxels)[:MOST_ROWS]

    @cached_property
    def false_finds(self) -> list[Candidate]:
        """The surest, of equally sure ones the largest; as many as a row holds."""
        false = [candidate for candidate in self.scores.detection.candidates if not candidate.hits]
        return sorted(false, key=lambda x: (-x.probability, -x.voxels))[: self.columns]

    @property
    def columns(self) -> int:
        return 3 + len(self.heats)

    def drawn(self) -> bytes:
        width = 2 * MARGIN + self.columns * SIDE + (self.columns - 1) * GAP
        rows = len(self.lesions) + bool(self.false_finds)
        height = HEADER + max(rows, 1) * (CAPTION + SIDE + GAP) + FOOTER
        figure = Figure(figsize=(width, height), dpi=DPI, facecolor=BACKGROUND)
        canvas = FigureCanvasAgg(figure)

        def write(left: float, top: float, words: str, **style) -> None:
            style = {"color": TEXT, "size": 10, "va": "top"} | style
            figure.text(left / width, 1 - top / height, words, **style)

        def axes_at(row: int, column: int) -> Axes:
            left, top = MARGIN + column * (SIDE + GAP), top_of(row) + CAPTION
            axes = figure.add_axes((left / width, 1 - (top + SIDE) / height, SIDE / width, SIDE / height))
            axes.set(xticks=[], yticks=[], facecolor="#000000")
            axes.spines[:].set_visible(False)
            return axes

        def top_of(row: int) -> float:
            return HEADER + row * (CAPTION + SIDE + GAP)

        write(MARGIN, 0.2, self.case.name, size=14, weight="bold")
        write(width - MARGIN, 0.24, self._words(), color=FAINT, ha="right")
        for row, lesion in enumerate(self.lesions):
            write(MARGIN, top_of(row), lesion_words(lesion), weight="bold")
            self._lesion(lesion, [axes_at(row, column) for column in range(self.columns)])
        if self.false_finds:
            row = len(self.lesions)
            write(MARGIN, top_of(row), "False finds, the surest first", weight="bold")
            for column, candidate in enumerate(self.false_finds):
                self._false_find(candidate, axes_at(row, column))
        if not rows:
            write(MARGIN, HEADER + 0.3, "Nothing in the reference, nothing in the prediction", color=FAINT)
        write(MARGIN, height - 0.28, DISCLAIMER, color=WARNING, weight="bold", size=9)
        write(MARGIN + 3.6, height - 0.28, "Reference", color=TRUTH, weight="bold", size=9)
        write(MARGIN + 4.5, height - 0.28, "prediction", color=FOUND, weight="bold", size=9)
        png = io.BytesIO()
        canvas.print_png(png)
        return png.getvalue()

    def _words(self) -> str:
        values = self.scores.metrics
        words = [f"Dice {values['dice']:.3f}"] if values["dice"] == values["dice"] else []
        words.append(f"{values['found']:.0f} of {values['lesions']:.0f} lesions found")
        words.append(f"{values['false_positives']:.0f} false positive" + "s" * (values["false_positives"] != 1))
        return ",  ".join(words)

    def _lesion(self, lesion: ReferenceLesion, places: list[Axes]) -> None:
        index, middle, width = self._place(self.truth, lesion.number)
        view = self.scan.acquisition
        size = np.array(self.scan.geometry.shape) * self.scan.spacing
        whole = max(size[view.columns], size[view.rows])
        names = ["slice and reference", "reference", *[name for name, _, _ in self.heats], "both"]
        for column, (name, axes) in enumerate(zip(names, places, strict=True)):
            centre, across = ((size - self.scan.spacing) / 2, whole) if column == 0 else (middle, width)
            panel = Panel(axes, self.scan, view, index, centre, across, 0.8)
            heat = next((heat for heat in self.heats if heat[0] == name), None)
            if heat and heat[1] is not None:
                panel.heat(heat[1], heat[2])
            if name in ("slice and reference", "reference", "both"):
                self._outlines(panel, self.truth, TRUTH)
            if name in ("prediction", "both"):
                self._outlines(panel, self.found, FOUND)
            panel.name(name)

    def _false_find(self, candidate: Candidate, axes: Axes) -> None:
        index, middle, width = self._place(self.found, candidate.number)
        panel = Panel(axes, self.scan, self.scan.acquisition, index, middle, width, 0.8)
        self._outlines(panel, self.truth, TRUTH)
        self._outlines(panel, self.found, FOUND)
        sure = "" if self.case.probability is None else f": mean p {candidate.probability:.2f}"
        panel.name(f"{candidate.number}{sure}")

    def _outlines(self, panel: Panel, labels: Box, colour: str) -> None:
        panel.outline(Box(labels.start, (labels.values != 0).view(np.uint8)), 1, colour)

    def _place(self, labels: Box, number: int) -> tuple[int, np.ndarray, float]:
        """The slice where the lesion is largest, its middle there in mm along head, back, left, and what to show."""
        across = self.scan.acquisition.across
        box = find_objects(labels.values)[number - 1]
        mask = labels.values[box] == number
        at = int(mask.sum(axis=tuple(axis for axis in range(3) if axis != across)).argmax())
        first = np.array([side.start for side in box]) + labels.start
        extent = np.array(mask.shape) * self.scan.spacing
        middle = first * self.scan.spacing + (extent - self.scan.spacing) / 2
        return int(first[across]) + at, middle, max(SMALLEST_CROP_MM, 1.6 * float(np.delete(extent, across).max()))


def lesion_words(lesion: ReferenceLesion) -> str:
    outcome = f"found with {lesion.found_axial_mm:.1f} mm, Dice {lesion.dice:.2f}" if lesion.found else "missed"
    return f"Lesion {lesion.number}, {lesion.axial_mm:.1f} mm: {outcome}"
