"""One picture of the page: a plane of the scan and what is drawn on it."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.patches import Circle
from matplotlib.patheffects import withStroke

from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.report.views import CanonicalScan, View
from LungTumorSegLib.volume.box import Box

TEXT, FAINT = "#e8ecf0", "#9aa4ae"
LONG, SHORT = "#ffd54a", "#59d0ff"
SHADOW = [withStroke(linewidth=2.5, foreground="#000000")]
BARS_MM = (5, 10, 20, 50, 100, 200)


class Panel:
    """A plane of the scan, drawn to scale into axes of a known size.

    centre : mm along head, back, left (of which two count), in the picture's middle. width_mm : what it shows across.
    text_scale : size of its words, for pictures smaller than the overview's.
    """

    def __init__(
        self,
        axes: Axes,
        scan: CanonicalScan,
        view: View,
        index: int,
        centre: np.ndarray,
        width_mm: float,
        text_scale: float = 1.0,
    ):
        self.axes, self.scan, self.view, self.index, self.text_scale = axes, scan, view, index, text_scale
        box = axes.get_window_extent()
        half = np.array([1.0, box.height / box.width]) * width_mm / 2
        x, y = centre[view.columns], centre[view.rows]
        axes.set_xlim(x - half[0], x + half[0])
        up = 1 if view.head_up else -1
        axes.set_ylim(y - up * half[1], y + up * half[1])
        axes.set_autoscale_on(False)
        picture = scan.picture(view, index)
        self._image(picture.values, picture.extent, cmap="gray", vmin=scan.window[0], vmax=scan.window[1])
        if not scan.flat:
            self._letters()
        self._scale_bar(width_mm)

    def _image(self, values: np.ndarray, extent: tuple, **style) -> None:
        shown = self.axes.imshow(values, extent=extent, origin="lower", aspect="auto", interpolation="bicubic", **style)
        shown.set_clip_on(True)

    def text(self, x: float, y: float, words: str, **style) -> None:
        """Words at a place of the picture: 0, 0 is its lower left, 1, 1 its upper right corner."""
        style = {"color": TEXT, "size": 9, "path_effects": SHADOW, "transform": self.axes.transAxes} | style
        style["size"] *= self.text_scale
        self.axes.text(x, y, words, **style)

    def name(self, words: str) -> None:
        """What the picture shows, in its upper left corner."""
        plate = {"facecolor": "#000000", "alpha": 0.6, "edgecolor": "none", "pad": 2.5}
        self.axes.annotate(
            words, (0, 1), (5, -5), "axes fraction", "offset points", color=TEXT, size=9, va="top", bbox=plate
        )

    def heat(self, box: Box, colours: str) -> None:
        """Lay a map from 0 to 1 over the scan; the higher its value, the less of the scan shines through."""
        plane = self.scan.cut(box, self.view, self.index)
        if plane is None:
            return
        rgba = colormaps[colours](plane.values)
        rgba[..., 3] = np.clip(plane.values * 1.5, 0, 0.75)
        self._image(rgba, plane.extent)

    def outline(self, labels: Box, lesion: int, colour: str) -> bool:
        """Draw a lesion's edge; False where this plane does not cross it."""
        plane = self.scan.cut(labels, self.view, self.index)
        if plane is None or not (plane.values == lesion).any():
            return False
        mask = np.pad(plane.values == lesion, 1).astype(float)  # so that the line closes at the box's border
        dx, dy = self.scan.spacing[self.view.columns], self.scan.spacing[self.view.rows]
        x = plane.extent[0] + dx * (np.arange(mask.shape[1]) - 0.5)
        y = plane.extent[2] + dy * (np.arange(mask.shape[0]) - 0.5)
        self.axes.contour(x, y, mask, [0.5], colors=[colour], linewidths=1.2)
        return True

    def diameters(self, lesion: Lesion) -> None:
        """Both axes as lines with end marks, their values in the corner in the same colours."""
        for ends, colour in [(lesion.long_axis_points_lps, LONG), (lesion.short_axis_points_lps, SHORT)]:
            x, y = self._on_picture(ends)
            self.axes.plot(x, y, color=colour, linewidth=1.4, marker="o", markersize=2.5, path_effects=SHADOW)
        style = {"ha": "right", "va": "top", "weight": "bold"}
        self.text(0.975, 0.92, f"long {lesion.long_axis_mm:.1f} mm", color=LONG, **style)
        self.text(0.975, 0.92, f"\nshort {lesion.short_axis_mm:.1f} mm", color=SHORT, **style)

    def slice_line(self, view: View, index: int) -> None:
        """Where another view's plane crosses this one."""
        at = index * self.scan.spacing[view.across]
        line = self.axes.axvline if view.across == self.view.columns else self.axes.axhline
        line(at, color=LONG, linewidth=0.8, linestyle=(0, (4, 4)), alpha=0.7)

    def mark(self, lesion: Lesion, colour: str, crossed: bool) -> None:
        """A numbered ring around a lesion; dashed where this plane does not cross it."""
        x, y = self._on_picture([lesion.centre_lps])
        radius = lesion.max_3d_diameter_mm / 2 + 0.02 * abs(np.diff(self.axes.get_xlim())[0])
        style = "-" if crossed else (0, (3, 3))
        ring = Circle((x[0], y[0]), radius, fill=False, edgecolor=colour, linewidth=1.3, linestyle=style)
        self.axes.add_patch(ring)
        up = 1 if self.view.head_up else -1
        at = (x[0] + radius * 0.72, y[0] + up * radius * 0.72)
        self.axes.annotate(
            str(lesion.id), at, (3, 3), textcoords="offset points", color=colour, size=11 * self.text_scale,
            weight="bold",
            path_effects=SHADOW, annotation_clip=True,
        )  # fmt: skip

    def _on_picture(self, lps) -> tuple[np.ndarray, np.ndarray]:
        position = self.scan.position(np.array(lps))
        return position[:, self.view.columns], position[:, self.view.rows]

    def _letters(self) -> None:
        left, right, top, bottom = self.scan.letters(self.view)
        style = {"color": FAINT, "size": 10, "weight": "bold"}
        self.text(0.02, 0.5, left, ha="left", va="center", **style)
        self.text(0.98, 0.5, right, ha="right", va="center", **style)
        self.text(0.5, 0.985, top, ha="center", va="top", **style)
        self.text(0.5, 0.02, bottom, ha="center", va="bottom", **style)

    def _scale_bar(self, width_mm: float) -> None:
        length = max(bar for bar in BARS_MM if bar <= max(width_mm / 4, BARS_MM[0]))
        share = length / width_mm
        style = {"color": TEXT, "linewidth": 2, "path_effects": SHADOW, "solid_capstyle": "butt"}
        self.axes.plot([0.97 - share, 0.97], [0.035, 0.035], transform=self.axes.transAxes, **style)
        self.text(0.97 - share / 2, 0.05, f"{length} mm", ha="center", va="bottom", size=8.5)
