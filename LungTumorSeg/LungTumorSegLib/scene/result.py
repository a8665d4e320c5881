"""A prediction shown in the scene: map, segments, diameters and table of one CT, made once and then kept and filled.

The probability stays in the scene, so that another threshold needs no new inference: `move_threshold` while the
hand drags (segments only), `measure` when it rests.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager

import slicer

from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.measurement.measure import Lesion, measure
from LungTumorSegLib.scene import maps, ownership, segments
from LungTumorSegLib.scene.diameters import show_diameters
from LungTumorSegLib.scene.table import show_table
from LungTumorSegLib.scene.volumes import geometry_of
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Geometry


@contextmanager
def batch(scene):
    """Views and lists look at the scene again once, at the end, however many nodes came and went."""
    scene.StartState(scene.BatchProcessState)
    try:
        yield
    finally:
        scene.EndState(scene.BatchProcessState)


class Result:
    """Our nodes of one CT.

    Parameters
    ----------
    scene : vtkMRMLScene
    ct : vtkMRMLScalarVolumeNode
    save_undo : called with our segmentation node before its first change by a click or a drag, so that the host's
        segment editor can undo it
    """

    def __init__(self, scene, ct, save_undo: Callable[[object], None] = lambda node: None):
        self.scene, self.ct, self._save_undo = scene, ct, save_undo
        self.lesions: list[Lesion] = []
        self._surface_wanted = False
        self._dragging = False

    @property
    def probability_node(self):
        return ownership.owned_one(self.ct, maps.PROBABILITY)

    @property
    def heat_node(self):
        return ownership.owned_one(self.ct, maps.HEAT)

    @property
    def segmentation_node(self):
        return ownership.owned_one(self.ct, segments.ROLE)

    def show(self, probability: Box, threshold: float, smallest_mm: float) -> list[Lesion]:
        """Show a new prediction; returns the lesions.

        probability : float32 0..1 on the CT's grid; may be empty.
        threshold : lesions are where the probability reaches it.
        smallest_mm : lesions with a shorter long axis are left out.
        """
        with batch(self.scene):
            maps.show_map(self.scene, self.ct, maps.PROBABILITY, probability)
            self.move_threshold(threshold, smallest_mm)
            return self.measure()

    def add_lesion(self, probability: Box, threshold: float, smallest_mm: float) -> list[Lesion]:
        """Show a prompted lesion beside what is there: the probability becomes the larger of both."""
        if self.probability_node is not None:
            probability = maps.map_box(self.probability_node).larger(probability)
        return self.show(probability, threshold, smallest_mm)

    def show_heat(self, heat: Box):
        """Show a Grad-CAM box (0..1); returns its node."""
        return maps.show_map(self.scene, self.ct, maps.HEAT, heat)

    def move_threshold(self, threshold: float, smallest_mm: float) -> None:
        """Segments only, for every move of the slider. The 3D surface is dropped until `measure`."""
        node = segments.segmentation_node(self.scene, self.ct)
        if not self._dragging:
            self._dragging = True
            self._surface_wanted = segments.has_surface(node)
            self._save_undo(node)
        probability = maps.map_box(self.probability_node)
        labels = lesion_labels(probability.values, self._grid_of(probability), threshold, smallest_mm=smallest_mm)
        segments.fill_segments(node, self.ct, Box(probability.start, labels))

    def measure(self) -> list[Lesion]:
        """Diameters, table and, where there was one, the 3D surface, of the segments as they are now."""
        self.read()
        with batch(self.scene):
            show_diameters(self.scene, self.ct, self.lesions)
            show_table(self.scene, self.ct, self.lesions)
        if self._surface_wanted:
            segments.show_surface(self.segmentation_node, True)
        self._surface_wanted = self._dragging = False
        return self.lesions

    def read(self) -> list[Lesion]:
        """The lesions of the segments as they are now, in a loaded scene too; changes nothing there."""
        if self.segmentation_node is None:
            self.lesions = []
            return self.lesions
        labels = segments.read_labels(self.segmentation_node)
        probability = None
        if self.probability_node is not None:
            probability = slicer.util.arrayFromVolume(self.probability_node)[labels.slices]
        self.lesions = measure(labels.values, self._grid_of(labels), probability, labels.start)
        return self.lesions

    def _grid_of(self, box: Box) -> Geometry:
        return geometry_of(self.ct).box(box.start, box.stop)
