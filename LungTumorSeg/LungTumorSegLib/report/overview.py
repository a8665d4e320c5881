"""One picture that shows what was found: where each lesion is, how it was measured, how sure the network is."""

from __future__ import annotations

import io
import textwrap
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.measure import CONVENTION, Lesion
from LungTumorSegLib.report.panel import FAINT, TEXT, Panel
from LungTumorSegLib.report.views import AXIAL, CORONAL, LUNG_WINDOW, VIEWS, CanonicalScan, View, seen
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.whole_file import write_whole

DISCLAIMER = "Research use only – not a medical device"
MOST_ROWS = 6  # lesions with a row of pictures
MOST_LINES = 10  # lesions in the table
SMALLEST_CROP_MM = 45.0

BACKGROUND, HAIRLINE, WARNING = "#12161b", "#323a42", "#ff9f43"
LESIONS = ("#ff6b6b", "#5ad67d", "#c79bff", "#ff9f43", "#4dd0c8", "#f78fb3")  # lesion 1, 2, ...; then again

# Inches. At 100 pixels an inch the page is 1600 pixels wide and read at its own size.
DPI, WIDTH, MARGIN = 100, 16.0, 0.3
HEADER, WHOLE, FOOTER, GAP, CAPTION, LEGEND = 0.75, 4.4, 0.95, 0.14, 1.6, 0.55
TABLE = ((0.0, "left", ""), (1.75, "right", "long × short"), (2.55, "right", "3D"), (3.45, "right", "volume"))
TABLE += ((4.3, "right", "mean p"), (5.0, "right", "slice"))


@dataclass(frozen=True)
class Heat:
    """A map from 0 to 1 to lay over the scan. box : on the canonical grid. colours : matplotlib's name."""

    name: str
    box: Box
    colours: str


def write_overview(
    path: str | Path,
    volume: Volume,
    probability: Box | None,
    labels: Box,
    lesions: list[Lesion],
    gradcam: Box | None = None,
    title: str = "Lung tumour segmentation",
    in_hu: bool = True,
) -> None:
    """Draw all that was found in one scan into one PNG, 1600 pixels wide.

    Above: the whole scan in two planes through the first lesion, the first six marked, and the table. Below: a row
    each for these six: outline, long and short axis, probability, Grad-CAM, and the two planes across.
    Lung window, or that of the image's own values. Patient's left on the picture's right, whatever way it is stored.

    Parameters
    ----------
    path : where the PNG goes; an old file stays whole until the new one is.
    volume : the CT, HU.
    probability : 0 to 1, on a part of the volume's grid; None where only a mask is known.
    labels : lesion ids, on a part of the volume's grid.
    lesions : as `measure` gives them for these labels.
    gradcam : 0 to 1, on a part of the volume's grid.
    title : heading; it is shown as it is, so put no patient's name in it.
    in_hu : False where `volume` is an image on a scale of its own, such as MR.

    Raises
    ------
    InputRefused
        The file cannot be written.
    """
    scan = seen(volume, in_hu)
    heats = []
    if probability is not None:
        heats.append(Heat("probability", scan.box(probability), "plasma"))
    if gradcam is not None:
        heats.append(Heat("Grad-CAM", scan.box(gradcam), "turbo"))
    write_picture(Path(path), Overview(scan, scan.box(labels), lesions, heats).drawn(title))


def write_picture(path: Path, content: bytes) -> None:
    """Either the whole new picture stands at `path`, or the old one. Raises InputRefused."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise InputRefused(f"{path.name} could not be written: {error.strerror}; choose another folder") from None


@dataclass(frozen=True, eq=False)
class Overview:
    """The page. Places on it are inches from its top left corner; all voxels are in canonical order.

    labels : lesion ids. heats : the maps there are.
    """

    scan: CanonicalScan
    labels: Box
    lesions: list[Lesion]
    heats: list[Heat]

    @property
    def views(self) -> tuple[View, ...]:
        """The planes that there are: of a picture one."""
        return (AXIAL,) if self.scan.flat else VIEWS

    @cached_property
    def side(self) -> float:
        """Of the square pictures of a lesion: the plane measured in, a picture a map, two planes across."""
        count = 3 + len(self.heats)
        return (WIDTH - 2 * MARGIN - CAPTION - LEGEND * len(self.heats) - GAP * (count - 1)) / count

    @cached_property
    def height(self) -> float:
        return HEADER + WHOLE + min(len(self.lesions), MOST_ROWS) * (self.side + 0.3) + FOOTER

    def drawn(self, title: str) -> bytes:
        """The page as PNG."""
        figure = Figure(figsize=(WIDTH, self.height), dpi=DPI, facecolor=BACKGROUND)
        canvas = FigureCanvasAgg(figure)
        self._frame(figure, title)
        self._whole_scan(figure)
        for n, lesion in enumerate(self.lesions[:MOST_ROWS]):
            self._row(figure, lesion, HEADER + WHOLE + 0.3 + n * (self.side + 0.3))
        png = io.BytesIO()
        canvas.print_png(png)
        return png.getvalue()

    def _frame(self, figure: Figure, title: str) -> None:
        self._write(figure, MARGIN, 0.2, title, size=16, weight="bold")
        low, high = self.scan.window
        shown = "lung window −600 / 1500 HU" if (low, high) == LUNG_WINDOW else f"values {low:.4g} to {high:.4g}"
        self._write(figure, WIDTH - MARGIN, 0.28, shown, color=FAINT, ha="right")
        convention = textwrap.fill(CONVENTION, 190)
        self._write(figure, MARGIN, self.height - 0.72, convention, color=FAINT, size=8.5, linespacing=1.4)
        self._write(figure, MARGIN, self.height - 0.3, DISCLAIMER, color=WARNING, weight="bold")

    def _whole_scan(self, figure: Figure) -> None:
        """The whole scan in two planes beside the table, or in all there are where nothing is to be listed."""
        size = np.array(self.scan.geometry.shape) * self.scan.spacing
        views, planes = self.views, [n // 2 for n in self.scan.geometry.shape]
        if self.lesions:
            views, planes = self.views[: VIEWS.index(CORONAL) + 1], self._planes_through(self.lesions[0])
        widest = 1.2 * WHOLE if self.lesions else (WIDTH - 2 * MARGIN - 3.4) / 3 - GAP
        left = MARGIN
        for view in views:
            width = float(np.clip(WHOLE * size[view.columns] / size[view.rows], 0.6 * WHOLE, widest))
            width_mm = max(size[view.columns], size[view.rows] * width / WHOLE)
            axes = self._axes(figure, left, HEADER, width, WHOLE)
            panel = Panel(axes, self.scan, view, planes[view.across], (size - self.scan.spacing) / 2, width_mm)
            if not self.scan.flat:
                panel.name(view.name)
            for lesion in self.lesions[:MOST_ROWS]:  # rings of more would hide the scan
                crossed = panel.outline(self.labels, lesion.id, colour(lesion))
                panel.mark(lesion, colour(lesion), crossed)
            left += width + GAP
        if self.lesions:
            self._table(figure, left + 0.3, WIDTH - MARGIN)
        else:
            middle = HEADER + WHOLE / 2
            self._write(figure, left + 0.3, middle - 0.35, "No lesion found", size=16, weight="bold")
            self._write(figure, left + 0.3, middle + 0.05, "at this threshold and smallest size", color=FAINT)

    def _table(self, figure: Figure, left: float, right: float) -> None:
        scale = (right - left) / TABLE[-1][0]
        lines = [[heading for _, _, heading in TABLE], ["", "mm", "mm", "mL", "", ""]]
        lines += [table_line(lesion) for lesion in self.lesions[:MOST_LINES]]
        top = HEADER + 0.05
        for n, line in enumerate(lines):
            for (at, side, _), words in zip(TABLE, line, strict=True):
                heading = n < 2
                style = {"color": FAINT} if heading else {"color": TEXT, "size": 10.5}
                if not heading and at == 0:
                    style |= {"color": colour(self.lesions[n - 2]), "weight": "bold"}
                self._write(figure, left + at * scale, top, words, ha=side, **style)
            top += 0.19 if n == 0 else 0.27
            if n > 0:
                self._rule(figure, left, right, top - 0.05)
        notes = [
            "● 10 mm and two slices or more: may be a target by size (RECIST 1.1)",
            "Yellow: long axis. Blue: short axis. Dashed line: the slice they were measured in",
            "Dashed ring: the lesion lies before or behind this plane",
        ]
        if len(self.lesions) > MOST_LINES:
            notes.insert(0, f"and {len(self.lesions) - MOST_LINES} smaller ones")
        if len(self.lesions) > MOST_ROWS:
            notes.append(f"Ringed and below: lesions {self.lesions[0].id} to {self.lesions[MOST_ROWS - 1].id}")
        for note in notes:
            self._write(figure, left, top + 0.03, note, color=FAINT, size=8.5)
            top += 0.2

    def _row(self, figure: Figure, lesion: Lesion, top: float) -> None:
        """The pictures of one lesion: where it was measured, the maps, and across."""
        measured_in = self.scan.acquisition
        planes = self._planes_through(lesion)
        across = [view for view in self.views if view is not measured_in]
        low, high = self._box_mm(lesion)
        width_mm = max(SMALLEST_CROP_MM, 1.7 * float((high - low).max()))
        self._rule(figure, MARGIN, WIDTH - MARGIN, top - 0.15)
        self._caption(figure, lesion, top)

        left = MARGIN + CAPTION
        for view, heat in [
            (measured_in, None),
            *[(measured_in, heat) for heat in self.heats],
            *[(v, None) for v in across],
        ]:
            axes = self._axes(figure, left, top, self.side, self.side)
            panel = Panel(axes, self.scan, view, planes[view.across], (low + high) / 2, width_mm)
            if heat is not None:
                panel.heat(heat.box, heat.colours)
                self._legend(figure, heat, left + self.side, top)
                left += LEGEND
            panel.outline(self.labels, lesion.id, colour(lesion))
            if view is not measured_in:
                panel.slice_line(measured_in, planes[measured_in.across])
            elif heat is None:
                panel.diameters(lesion)
            if heat or not self.scan.flat:
                panel.name(heat.name if heat else view.name)
            left += self.side + GAP

    def _caption(self, figure: Figure, lesion: Lesion, top: float) -> None:
        self._write(figure, MARGIN, top, f"Lesion {lesion.id}", color=colour(lesion), size=14, weight="bold")
        lines = [
            f"{lesion.long_axis_mm:.1f} × {lesion.short_axis_mm:.1f} mm",
            f"3D {lesion.max_3d_diameter_mm:.1f} mm",
            f"{lesion.volume_ml:.2f} mL",
            f"slice {lesion.slice}",
        ]
        if lesion.mean_probability is not None:
            lines.insert(3, f"mean p {lesion.mean_probability:.2f}")
        for n, line in enumerate(lines):
            self._write(figure, MARGIN, top + 0.4 + 0.23 * n, line, size=10.5)

    def _legend(self, figure: Figure, heat: Heat, left: float, top: float) -> None:
        axes = self._axes(figure, left + 0.08, top, 0.12, self.side)
        bar = figure.colorbar(ScalarMappable(cmap=heat.colours), cax=axes, ticks=[0, 0.5, 1])
        bar.outline.set_visible(False)
        axes.tick_params(colors=FAINT, labelsize=8.5, length=2, pad=2)
        for label, side in zip(axes.get_yticklabels(), ("bottom", "center", "top"), strict=True):
            label.set_va(side)

    def _planes_through(self, lesion: Lesion) -> list[int]:
        """Plane numbers along head, back, left: that of the long axis, and across where the lesion is largest."""
        mask = self.labels.values == lesion.id
        planes = []
        for axis in range(3):
            area = mask.sum(axis=tuple(a for a in range(3) if a != axis))
            planes.append(self.labels.start[axis] + int(area.argmax()))
        measured_in = self.scan.acquisition.across
        position = self.scan.position(np.array(lesion.long_axis_points_lps).mean(axis=0))
        planes[measured_in] = round(float(position[measured_in] / self.scan.spacing[measured_in]))
        return planes

    def _box_mm(self, lesion: Lesion) -> tuple[np.ndarray, np.ndarray]:
        """First and last voxel centre of a lesion, mm along head, back, left."""
        where = np.nonzero(self.labels.values == lesion.id)
        return tuple(
            (np.array([edge(n) for n in where]) + self.labels.start) * self.scan.spacing for edge in (np.min, np.max)
        )

    def _axes(self, figure: Figure, left: float, top: float, width: float, height: float) -> Axes:
        axes = figure.add_axes((left / WIDTH, 1 - (top + height) / self.height, width / WIDTH, height / self.height))
        axes.set(xticks=[], yticks=[], facecolor="#000000")
        axes.spines[:].set_visible(False)
        return axes

    def _write(self, figure: Figure, left: float, top: float, words: str, **style) -> None:
        style = {"color": TEXT, "size": 9.5, "va": "top"} | style
        figure.text(left / WIDTH, 1 - top / self.height, words, **style)

    def _rule(self, figure: Figure, left: float, right: float, top: float) -> None:
        y = 1 - top / self.height
        figure.add_artist(Line2D([left / WIDTH, right / WIDTH], [y, y], color=HAIRLINE, linewidth=0.8))


def colour(lesion: Lesion) -> str:
    return LESIONS[(lesion.id - 1) % len(LESIONS)]


def table_line(lesion: Lesion) -> list[str]:
    return [
        f"{lesion.id} ●" if lesion.measurable else f"{lesion.id}",
        f"{lesion.long_axis_mm:.1f} × {lesion.short_axis_mm:.1f}",
        f"{lesion.max_3d_diameter_mm:.1f}",
        f"{lesion.volume_ml:.2f}",
        "–" if lesion.mean_probability is None else f"{lesion.mean_probability:.2f}",
        str(lesion.slice),
    ]
