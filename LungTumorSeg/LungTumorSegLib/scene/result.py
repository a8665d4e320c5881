"""A prediction shown in the scene: map, segments, diameters and table of one CT, made once and then kept and filled.

The probability stays in the scene, so that another threshold needs no new inference: `move_threshold` while the
hand drags (segments only), `measure` when it rests.

Lesions keep their numbers (`measurement.identity`), and what the user does to them stays: lines that the user moved are
never moved by us (`reset_lines` is asked for), a line or a lesion that the user deletes takes its marks along.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import slicer

from LungTumorSegLib.measurement.drawn import as_node, with_lines
from LungTumorSegLib.measurement.identity import Identities
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.measurement.lung_fields import LungFields, find_lung_fields
from LungTumorSegLib.measurement.measure import Lesion, measure
from LungTumorSegLib.scene import maps, ownership, segments
from LungTumorSegLib.scene.diameters import moved_lines, show_diameters
from LungTumorSegLib.scene.marks import AXES, Marks
from LungTumorSegLib.scene.prompts import Prompt
from LungTumorSegLib.scene.table import show_table
from LungTumorSegLib.scene.volumes import change_token, geometry_of
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
        self.at_work = False  # the scene changes by our own hand: see `watching.Watch`
        self._surface_wanted = False
        self._dragging = False
        self._identities: Identities | None = None
        self._merged_from: dict[int, tuple[int, ...]] | None = None  # by the last move of the threshold
        self._measured: list[Lesion] = []  # before the user's marks
        self._labels = Box((0, 0, 0), np.zeros((0, 0, 0), np.uint16))
        self._lungs: tuple[tuple, LungFields | None] | None = None

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

    def follow_prompts(self) -> list[Prompt]:
        """Take the prompts as they lie in the scene: call when points or boxes were placed, moved or deleted.

        The answers of prompts that are gone go with them, and what they replaced is there again; points outside take
        automatic lesions away or give them back. Returns the prompts that have no answer for where their marks are
        now: to be asked of the worker, each answer for `set_answer`. Measured, where anything changed.
        """
        raise NotImplementedError

    def set_answer(self, prompt: Prompt, probability: Box) -> list[Lesion]:
        """Show the worker's answer to a prompt, in place of its earlier one. Nothing happens if the prompt is gone."""
        raise NotImplementedError

    def drop_prompt(self, key: str) -> list[Lesion]:
        """Delete a prompt's points and box with its answer; what it replaced is there again."""
        raise NotImplementedError

    def recompose(self, threshold: float, smallest_mm: float, largest_only: bool = False) -> list[Lesion]:
        """The hand rests: cut and measure at these values."""
        raise NotImplementedError

    def take_edits(self) -> list[Lesion]:
        """The user painted, erased, undid: keep what is different from what we wrote, and measure."""
        raise NotImplementedError

    def reset_edits(self, lesion: int | None = None) -> list[Lesion]:
        """Drop what was painted into and erased from a lesion, or all, removed lesions included."""
        raise NotImplementedError

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
        labels = Box(probability.start, labels)
        names = self._known_lesions().keep(labels)
        self._merged_from = names.merged_from
        with self._working():
            segments.fill_segments(node, self.ct, labels, names.ids)

    def measure(self) -> list[Lesion]:
        """Diameters, table and, where there was one, the 3D surface, of the segments as they are now."""
        self.read()
        if self.segmentation_node is not None:
            self._known_lesions().remember(self._labels)
            marks = Marks(self.segmentation_node)
            marks.highest = self._known_lesions().highest
            if self._merged_from is not None:
                for lesion in self._measured:
                    marks.set_merged_from(lesion.id, self._merged_from.get(lesion.id, ()))
                self._merged_from = None
                self._mark()
        self._show()
        if self._surface_wanted:
            segments.show_surface(self.segmentation_node, True)
        self._surface_wanted = self._dragging = False
        return self.lesions

    def read(self) -> list[Lesion]:
        """The lesions of the segments as they are now, in a loaded scene too; shows nothing."""
        self._measured, self.lesions = [], []
        if self.segmentation_node is None:
            return self.lesions
        labels = segments.read_labels(self.segmentation_node)
        probability = None
        if self.probability_node is not None:
            # As far as the probability reaches: at a lower threshold lesions are larger.
            labels = larger_box(labels, maps.map_box(self.probability_node))
            probability = slicer.util.arrayFromVolume(self.probability_node)[labels.slices]
        self._labels = labels
        if labels.values.any():
            self._measured = measure(
                labels.values,
                self._grid_of(labels),
                probability,
                labels.start,
                ct=slicer.util.arrayFromVolume(self.ct)[labels.slices],
                lungs=self._lung_fields(),
            )
        return self.take_lines()

    # What the user does

    def take_lines(self) -> list[Lesion]:
        """Take the lines that the user moved for the lesions' axes; changes nothing that is seen."""
        if self.segmentation_node is not None:
            grid, marks = geometry_of(self.ct), Marks(self.segmentation_node)
            for (lesion, axis), ends in moved_lines(self.ct).items():
                marks.set_drawn(lesion, axis, grid.lps_to_ijk(ends))
            self._mark()
        return self.lesions

    def line_moved(self) -> list[Lesion]:
        """The user moved a line: its lesion's values are the line's, and the table says so."""
        self.take_lines()
        self._show()
        return self.lesions

    def line_deleted(self, lesion: int, axis: str) -> list[Lesion]:
        """The user deleted a line: the value is the measured one again, and its line comes back with the next."""
        if self.segmentation_node is not None:
            Marks(self.segmentation_node).set_drawn(lesion, axis, None)
            self._mark()
            with self._working(), batch(self.scene):
                show_table(self.scene, self.ct, self.lesions)
        return self.lesions

    def segments_removed(self) -> list[Lesion]:
        """The user removed segments: their lesions go with lines, row and marks."""
        self.take_lines()
        left = segments.our_segments(self.segmentation_node) if self.segmentation_node is not None else {}
        for lesion in self._measured:
            if lesion.id not in left and self.segmentation_node is not None:
                Marks(self.segmentation_node).forget(lesion.id)
        self._measured = [lesion for lesion in self._measured if lesion.id in left]
        self._mark()
        self._show()
        return self.lesions

    def reset_lines(self, lesion: int | None = None) -> list[Lesion]:
        """Put the lines of a lesion, or of all, back to where they are measured."""
        marks = Marks(self.segmentation_node)
        self.take_lines()
        for number in [lesion] if lesion is not None else segments.our_segments(self.segmentation_node):
            for axis in AXES:
                marks.set_drawn(number, axis, None)
        self._mark()
        self._show()
        return self.lesions

    def mark_node(self, lesion: int, node: bool) -> list[Lesion]:
        """Take a lesion for a lymph node, whose short axis counts, or for none."""
        self.take_lines()
        Marks(self.segmentation_node).set_node(lesion, node)
        self._mark()
        self._show()
        return self.lesions

    def _mark(self) -> None:
        """The measured lesions with the user's marks."""
        if self.segmentation_node is None:
            self.lesions = []
            return
        marks, grid = Marks(self.segmentation_node), geometry_of(self.ct)
        self.lesions = []
        for lesion in self._measured:
            lesion = replace(as_node(lesion, marks.is_node(lesion.id), grid), merged_from=marks.merged_from(lesion.id))
            drawn = (marks.drawn(lesion.id, axis) for axis in AXES)
            lines = [None if ends is None else grid.ijk_to_lps(ends) for ends in drawn]
            self.lesions.append(with_lines(lesion, grid, self._labels, *lines))

    def _show(self) -> None:
        with self._working(), batch(self.scene):
            show_diameters(self.scene, self.ct, self.lesions)
            show_table(self.scene, self.ct, self.lesions)

    @contextmanager
    def _working(self):
        before, self.at_work = self.at_work, True
        try:
            yield
        finally:
            self.at_work = before

    def _known_lesions(self) -> Identities:
        """Which lesion was where; in a loaded scene, as its segments say."""
        if self._identities is None:
            self._identities = Identities()
            if self.segmentation_node is not None:
                self._identities = Identities(Marks(self.segmentation_node).highest)
                self._identities.remember(segments.read_labels(self.segmentation_node))
        return self._identities

    def _lung_fields(self) -> LungFields | None:
        token = change_token(self.ct)
        if self._lungs is None or self._lungs[0] != token:
            grid = geometry_of(self.ct)
            self._lungs = token, find_lung_fields(slicer.util.arrayFromVolume(self.ct), grid)
        return self._lungs[1]

    def _grid_of(self, box: Box) -> Geometry:
        return geometry_of(self.ct).box(box.start, box.stop)


def larger_box(labels: Box, around: Box) -> Box:
    """The labels in a box that holds both."""
    return labels.larger(Box(around.start, np.zeros(around.values.shape, labels.values.dtype)))
