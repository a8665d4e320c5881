"""Two pictures of a lesion: close up as it was measured, and where in its slice it lies."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.report.panel import Panel
from LungTumorSegLib.report.views import CanonicalScan
from LungTumorSegLib.volume.box import Box

SMALLEST_CROP_MM = 40.0
OUTLINE = "#ff6b6b"
TEXT_SCALE = 0.75
MOST_PICTURES = 24  # lesions with pictures in a report; the table has all


@dataclass(frozen=True, eq=False)
class LesionPicture:
    """labels : lesion ids on the canonical grid, see `CanonicalScan.box`."""

    scan: CanonicalScan
    labels: Box
    lesion: Lesion

    @cached_property
    def middle(self) -> np.ndarray:
        """Of the long axis, mm along head, back, left."""
        return self.scan.position(np.array(self.lesion.long_axis_points_lps)).mean(axis=0)

    @cached_property
    def index(self) -> int:
        across = self.scan.acquisition.across
        return round(float(self.middle[across] / self.scan.spacing[across]))

    def close_up(self, axes: Axes) -> None:
        """Outline, both axes and their values in the slice that was measured in."""
        width = max(SMALLEST_CROP_MM, 1.7 * self.lesion.long_axis_mm)
        panel = Panel(axes, self.scan, self.scan.acquisition, self.index, self.middle, width, TEXT_SCALE)
        panel.outline(self.labels, self.lesion.id, OUTLINE)
        panel.diameters(self.lesion)

    def whole_slice(self, axes: Axes) -> None:
        """The same slice to its edges, the lesion ringed."""
        view = self.scan.acquisition
        size = np.array(self.scan.geometry.shape) * self.scan.spacing
        box = axes.get_window_extent()
        width = max(size[view.columns], size[view.rows] * box.width / box.height)
        panel = Panel(axes, self.scan, view, self.index, (size - self.scan.spacing) / 2, width, TEXT_SCALE)
        panel.outline(self.labels, self.lesion.id, OUTLINE)
        panel.mark(self.lesion, OUTLINE, crossed=True)

    def png(self, inches: float = 2.6, dpi: int = 200) -> tuple[bytes, bytes]:
        """Both pictures, square."""
        pictures = []
        for draw in (self.close_up, self.whole_slice):
            figure = Figure(figsize=(inches, inches), dpi=dpi, facecolor="#000000")
            canvas = FigureCanvasAgg(figure)
            draw(bare(figure.add_axes((0, 0, 1, 1))))
            stream = io.BytesIO()
            canvas.print_png(stream)
            pictures.append(stream.getvalue())
        return tuple(pictures)


def bare(axes: Axes) -> Axes:
    """A black picture without frame and ticks."""
    axes.set(xticks=[], yticks=[], facecolor="#000000")
    axes.spines[:].set_visible(False)
    return axes


def pictures(scan: CanonicalScan, labels: Box, lesions: list[Lesion]) -> list[LesionPicture]:
    """Of the first lesions, no more than `MOST_PICTURES`."""
    canonical = scan.box(labels)
    return [LesionPicture(scan, canonical, lesion) for lesion in lesions[:MOST_PICTURES]]


def left_out(lesions: list[Lesion]) -> str:
    """What to say where some lesions have no pictures."""
    rest = len(lesions) - MOST_PICTURES
    return f"Pictures of the first {MOST_PICTURES} lesions; {rest} more stand in the table only." if rest > 0 else ""
