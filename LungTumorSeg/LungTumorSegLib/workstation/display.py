"""How a result is drawn in the views: which map lies over the CT, outlines, the 3D surface."""

from __future__ import annotations

from dataclasses import dataclass

from LungTumorSegLib.scene import segments, views
from LungTumorSegLib.scene.result import Result
from LungTumorSegLib.workstation.host import HEAT, PROBABILITY


@dataclass(frozen=True)
class Display:
    """overlay : PROBABILITY, HEAT or None. opacity : of the overlay and the fill, 0..1. outline, fill : of the lesions
    in the slice views. surface : the lesions in 3D."""

    overlay: str | None = PROBABILITY
    opacity: float = 0.5
    outline: bool = True
    fill: bool = True
    surface: bool = False


def show_display(scene, result: Result | None, display: Display, surface_later: bool = False) -> None:
    """Bring the views of the scene to the display; without a result, our overlay goes.

    surface_later : the lesions are being measured, which ends with the surface where `Result.want_surface` says so
    """
    node = None
    if result is not None:
        node = {PROBABILITY: result.probability_node, HEAT: result.heat_node}.get(display.overlay)
        segmentation = result.segmentation_node
        if result.probability_node is not None and segmentation is not None:
            segments.show_in_slices(segmentation, display.outline, display.fill, display.opacity)
            if display.surface != segments.has_surface(segmentation) and not (display.surface and surface_later):
                result.show_surface(display.surface)
    views.show_overlay(views.composite_nodes(scene), node, display.opacity)
