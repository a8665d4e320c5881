"""A prediction shown in the scene: map, segments, diameters and table of one CT, made once and then kept and filled.

What the worker answered stays in the scene (`answers`); the map that is seen is composed of it (`composing`), so that
another threshold, a deleted prompt and a lesion taken away need no new inference: `move_threshold` while the hand drags
(segments only), `measure` when it rests.

Lesions keep their numbers (`measurement.identity`), and what the user does to them stays: lines that the user moved are
never moved by us (`reset_lines` is asked for), voxels that were painted or erased stay so (`edits`; `reset_edits` is
asked for), segments marked as completed and segments that are not ours are not written, a line or a lesion that the
user deletes takes its marks along.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
import slicer

from LungTumorSegLib.measurement.drawn import as_node, with_lines
from LungTumorSegLib.measurement.identity import Identities, Names
from LungTumorSegLib.measurement.intervals import CUTS
from LungTumorSegLib.measurement.lung_fields import LungFields, find_lung_fields
from LungTumorSegLib.measurement.measure import Lesion, measure
from LungTumorSegLib.scene import answers, maps, ownership, segments
from LungTumorSegLib.scene.blocks import Blocks, Place
from LungTumorSegLib.scene.canvas import Canvas
from LungTumorSegLib.scene.composing import changes
from LungTumorSegLib.scene.cut import Cut, keep_cut, kept_cut
from LungTumorSegLib.scene.cutting import cut_lesions
from LungTumorSegLib.scene.diameters import moved_lines, show_diameters
from LungTumorSegLib.scene.edits import Edits, History, keep_edits, kept_edits
from LungTumorSegLib.scene.marks import AXES, Marks
from LungTumorSegLib.scene.prompts import (
    Prompt,
    is_answer_to,
    prompts_answered,
    read_prompts,
    read_taken_away,
    remove_prompt,
)
from LungTumorSegLib.scene.table import show_table
from LungTumorSegLib.scene.volumes import change_token, geometry_of
from LungTumorSegLib.scene.voxels import Voxels
from LungTumorSegLib.volume.box import EMPTY, Box


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
        self.measures_later = False  # a host does it in steps (`measuring`) after whatever changed the segments
        self.cut = kept_cut(ct) or Cut()  # of the segments as they are; the editor's Undo may set it back
        self._surface_wanted = False
        self._dragging = False
        self._identities: Identities | None = None
        self._merged_from: dict[int, tuple[int, ...]] | None = None  # by the last move of the threshold
        self._measured: list[Lesion] = []  # before the user's marks
        self._known_measures: dict[tuple, list[Lesion]] = {}  # of voxels that need not be measured again
        self._labels: dict[int, Box] = {}  # each lesion's voxels, others' among them
        self._lungs: tuple[tuple, LungFields | None] | None = None
        self._blocks: tuple[tuple, Blocks] | None = None  # of the map that is seen
        self._automatic_blocks: tuple[tuple, Blocks] | None = None
        self._composed: tuple | None = None  # what the map that is seen is composed of
        self._changed: list[Place] | None = None  # where it is not the automatic answer; None while that is unknown
        self._edits: Edits | None = None
        self._written: Voxels | tuple | None = None  # with the edits of then: `_edits_then`
        self._edits_then: Edits | None = None
        self._history = History()
        self._canvas = Canvas()
        self._numbers: list[int] = []  # of the segments that we wrote
        self._locked: set[int] = set()  # since the drag began
        self._locked_voxels: Voxels | None = None

    @property
    def probability_node(self):
        return ownership.owned_one(self.ct, maps.PROBABILITY)

    @property
    def heat_node(self):
        return ownership.owned_one(self.ct, maps.HEAT)

    @property
    def segmentation_node(self):
        return ownership.owned_one(self.ct, segments.ROLE)

    # What the worker answered

    def show(self, probability: Box, threshold: float, smallest_mm: float, largest_only: bool = False) -> list[Lesion]:
        """Show a new prediction; returns the lesions. Prompts, edits, marks stay.

        probability : float32 0..1 on the CT's grid; may be empty.
        threshold : lesions are where the probability reaches it.
        smallest_mm : lesions with a shorter long axis are left out.
        largest_only : of the prediction's lesions the largest alone.
        """
        with batch(self.scene):
            answers.keep_automatic(self.scene, self.ct, probability)
            self._changed = None
            self._compose()
            return self.recompose(threshold, smallest_mm, largest_only)

    def prompts(self) -> list[Prompt]:
        """The prompts as they lie in the scene, see `prompts`."""
        return read_prompts(self.ct)

    def follow_prompts(self) -> list[Prompt]:
        """Take the prompts as they lie in the scene: call when points or boxes were placed, moved or deleted, and when
        a scene was loaded.

        The answers of prompts that are gone go with them, and what they replaced is there again; points outside take
        automatic lesions away or give them back. Returns the prompts that have no answer for where their marks are
        now: to be asked of the worker, each answer for `set_answer`. Measured, where anything changed; see `lesions`.
        """
        present = read_prompts(self.ct)
        keys = {prompt.key for prompt in present}
        for key in answers.answers(self.ct):
            if key not in keys:
                answers.drop_answer(self.scene, self.ct, key)
        if self.probability_node is not None or read_taken_away(self.ct):
            self._show_composed()
        answered = {prompt.key: prompt for prompt, _ in prompts_answered(self.ct)}
        return [
            prompt for prompt in present if prompt.key not in answered or not is_answer_to(answered[prompt.key], prompt)
        ]

    def set_answer(self, prompt: Prompt, probability: Box) -> list[Lesion]:
        """Show the worker's answer to a prompt (float32 0..1 on the CT's grid, may be empty) in place of its earlier
        one. Nothing happens if the prompt is gone."""
        if prompt.key in {present.key for present in read_prompts(self.ct)}:
            answers.keep_answer(self.scene, self.ct, prompt.key, prompt.asked, probability)
            now = self._take()
            if self._edits:
                points = self._grid.lps_to_ijk(np.reshape(prompt.inside, (-1, 3)))[:, ::-1]
                self._settle(now, self._edits.asked_at(np.rint(points).astype(int)))
            self._show_composed(anyway=True)
        return self.lesions

    def drop_prompt(self, key: str) -> list[Lesion]:
        """Delete a prompt's points and box with its answer; what it replaced is there again."""
        remove_prompt(self.scene, self.ct, key)
        self.follow_prompts()
        return self.lesions

    def show_heat(self, heat: Box):
        """Show a Grad-CAM box (0..1); returns its node."""
        return maps.show_map(self.scene, self.ct, maps.HEAT, heat)

    # The cut

    def move_threshold(self, threshold: float, smallest_mm: float, largest_only: bool = False) -> None:
        """Segments only, for every move of the slider. The 3D surface is dropped until `measure`."""
        if not self._dragging:
            now, node = self._take(), self.segmentation_node
            self._locked = segments.locked_lesions(node) if node is not None else set()
            self._locked_voxels = now.of_lesions(self._locked)
        node = segments.segmentation_node(self.scene, self.ct)
        if not self._dragging:
            self._dragging = True
            self._surface_wanted = segments.has_surface(node)
            self._save_undo(node)
        self.cut = Cut(threshold, smallest_mm, largest_only)
        self._fill(node)

    def recompose(self, threshold: float, smallest_mm: float, largest_only: bool = False) -> list[Lesion]:
        """The hand rests: cut and measure at these values; with `measures_later`, `lesions` are those of before."""
        with batch(self.scene):
            self.move_threshold(threshold, smallest_mm, largest_only)
            return self.lesions if self.measures_later else self.measure()

    def measure(self) -> list[Lesion]:
        """Take what the user painted, then diameters, table and, where there was one, the 3D surface, of the segments
        as they are now."""
        for _ in self.measuring():
            pass
        return self.lesions

    def measuring(self) -> Iterator[None]:
        """As `measure`, in steps of a lesion each, for a host whose windows must not stand still. What is seen and
        `lesions` change at once, when all are measured; 3D surfaces come in the last step. Drop it when anything else
        is done to the result, and begin anew."""
        voxels = self._take()
        node = self.segmentation_node
        found = yield from self._measured_in(voxels)
        self._take_measured(found)
        if node is not None:
            now = self._take()
            self._history.add(now, self._edits, self.cut)
            keep_edits(node, self._edits, now)
            keep_cut(node, self.cut)
            self._known_lesions().remember(_by_lesion(now))
            marks = Marks(node)
            marks.highest = self._known_lesions().highest
            if self._merged_from is not None:
                for lesion in self._measured:
                    marks.set_merged_from(lesion.id, self._merged_from.get(lesion.id, ()))
                self._merged_from = None
            self._mark()
        self._show()
        if self._surface_wanted and node is not None:
            yield from segments.building_surface(node)
        self._surface_wanted = self._dragging = False

    def read(self) -> list[Lesion]:
        """The lesions of the segments as they are now, in a loaded scene too; shows nothing."""
        steps = self._measured_in(self._take())
        try:
            while True:
                next(steps)
        except StopIteration as done:
            self._take_measured(done.value)
        return self.lesions

    def _measured_in(self, voxels: Voxels) -> Generator[None, None, list[tuple[Lesion, Box]]]:
        """Each lesion as it is measured, with its voxels."""
        if self.probability_node is not None:
            probability = slicer.util.arrayFromVolume(self.probability_node)
            # As far as the probability reaches: at a lower threshold lesions are larger.
            places = self._map_blocks().above(CUTS[0], also=voxels.boxes())
        else:
            probability, bounds = None, voxels.bounds()
            places = [] if bounds is None else [tuple(slice(*ends) for ends in zip(*bounds, strict=True))]
        hu, found, known = slicer.util.arrayFromVolume(self.ct), [], {}
        for place in places:
            labels = voxels.within(place)
            if not labels.values.any():
                continue
            values = None if probability is None else probability[place]
            what = change_token(self.ct), _digest(labels.values, values), labels.start
            if what not in self._known_measures:
                known[what] = measure(
                    labels.values,
                    self._grid.box(labels.start, labels.stop),
                    values,
                    labels.start,
                    ct=hu[place],
                    lungs=self._lung_fields(),
                )
            else:
                known[what] = self._known_measures[what]
            found += [(lesion, labels) for lesion in known[what]]
            yield
        self._known_measures = known
        return sorted(found, key=lambda one: one[0].id)

    def _take_measured(self, found: list[tuple[Lesion, Box]]) -> None:
        self._measured, self.lesions = [lesion for lesion, _ in found], []
        self._labels = {lesion.id: labels for lesion, labels in found}
        self.take_lines()

    # What the user does

    def take_edits(self) -> list[Lesion]:
        """The user painted, erased, undid: keep what is different from what we wrote, and measure.

        Where the editor's Undo led back past a change of ours, `cut` is that of then.
        """
        return self.measure()

    @property
    def edits(self) -> Edits:
        """What was painted and erased so far."""
        self._take()
        return self._edits_now()

    def reset_edits(self, lesion: int | None = None) -> list[Lesion]:
        """Drop what was painted into and erased from a lesion, or all, removed lesions included."""
        if self.segmentation_node is None:
            return self.lesions
        now = self._take()
        if self.probability_node is None:
            return self.lesions
        self._settle(now, self._edits.without([lesion]) if lesion is not None else Edits.none(self._shape))
        return self.recompose(*_values(self.cut))

    def take_lines(self) -> list[Lesion]:
        """Take the lines that the user moved for the lesions' axes; changes nothing that is seen."""
        if self.segmentation_node is not None:
            marks = Marks(self.segmentation_node)
            for (lesion, axis), ends in moved_lines(self.ct).items():
                marks.set_drawn(lesion, axis, self._grid.lps_to_ijk(ends))
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
        """The user removed segments: their lesions go with lines, row and marks, and do not come back at another
        threshold (`reset_edits` and a prompt in them bring them back)."""
        self.take_lines()
        node = self.segmentation_node
        left = segments.our_segments(node) if node is not None else {}
        for lesion in self._measured:
            if lesion.id not in left and node is not None:
                Marks(node).forget(lesion.id)
        self._measured = [lesion for lesion in self._measured if lesion.id in left]
        if node is not None:
            now = self._take()
            keep_edits(node, self._edits, now)
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
        marks, grid, corrected = Marks(self.segmentation_node), self._grid, self._edits_now().corrected
        self.lesions = []
        for lesion in self._measured:
            lesion = replace(
                as_node(lesion, marks.is_node(lesion.id), grid),
                merged_from=marks.merged_from(lesion.id),
                corrected=lesion.id in corrected,
            )
            drawn = (marks.drawn(lesion.id, axis) for axis in AXES)
            lines = [None if ends is None else grid.ijk_to_lps(ends) for ends in drawn]
            self.lesions.append(with_lines(lesion, grid, self._labels[lesion.id], *lines))

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

    # Composing

    def _show_composed(self, anyway: bool = False) -> None:
        """Compose the map anew where answers or points changed, then cut and measure as before."""
        with batch(self.scene):
            if self._compose() or anyway:
                self.recompose(*_values(self.cut))

    def _compose(self) -> bool:
        """The map that is seen, of all answers; whether it changed."""
        automatic, answered, away = self._automatic(), prompts_answered(self.ct), read_taken_away(self.ct)
        made_of = (
            _token(ownership.owned_one(self.ct, answers.AUTOMATIC)),
            tuple((prompt, _token(answers.answer_node(self.ct, prompt.key))) for prompt, _ in answered),
            tuple(away),
            _matrix(self.ct),
        )
        node = self.probability_node
        if self._changed is not None and node is not None and made_of == self._composed:
            return False
        boxes = changes(automatic, lambda: self._blocks_of_automatic(automatic), answered, away, self._grid)
        before = self._changed
        if before is None or node is None:
            node = maps.show_map(self.scene, self.ct, maps.PROBABILITY, automatic)
            maps.change_map(node, boxes)
            self._blocks = None
        else:
            maps.change_map(node, [*(_part(automatic, place) for place in before), *boxes])
            if self._blocks is not None:
                blocks = self._blocks[1]
                for place in [*before, *(box.slices for box in boxes)]:
                    blocks.update(place)
                self._blocks = _token(node), blocks
        self._changed, self._composed = [box.slices for box in boxes], made_of
        return True

    def _automatic(self) -> Box:
        """The automatic answer. Where only the map that is seen is there (a scene of an earlier version, or saved
        without hidden nodes), that map."""
        box = answers.automatic(self.ct)
        if box is None and self.probability_node is not None:
            answers.keep_automatic(self.scene, self.ct, maps.map_box(self.probability_node))
            box = answers.automatic(self.ct)
        return box if box is not None else EMPTY

    def _blocks_of_automatic(self, automatic: Box) -> Blocks:
        token = _token(ownership.owned_one(self.ct, answers.AUTOMATIC))
        if self._automatic_blocks is None or self._automatic_blocks[0] != token:
            self._automatic_blocks = token, Blocks(automatic.values)
        return self._automatic_blocks[1]

    def _map_blocks(self) -> Blocks:
        node = self.probability_node
        if self._blocks is None or self._blocks[0] != _token(node):
            self._blocks = _token(node), Blocks(slicer.util.arrayFromVolume(node), maps.map_box(node).slices)
        return self._blocks[1]

    # Writing

    def _fill(self, node) -> None:
        """Write the lesions at `cut` and the edits over them."""
        edits = self._edits_now()
        asked = list(answers.answers(self.ct).values())
        parts = cut_lesions(self._map_blocks(), self._grid, self.cut, asked)
        names = self._known_lesions().keep(parts)
        over = edits.over
        if edits.removed or self._locked:
            self._leave_out(parts, names, edits.removed | self._locked)
        if self._locked:
            over = over.under(self._locked_voxels)
        with self._working():
            self._numbers = segments.fill_segments(node, self.ct, parts, over, self._canvas)
        self._merged_from = names.merged_from
        self._written, self._edits_then = (parts, over), edits

    def _leave_out(self, parts: list[Box], names: Names, numbers: frozenset[int]) -> None:
        """Take lesions out of the labels; others that grew into them stay as they were."""
        for number in numbers & set(names.ids):
            others = [self._known_lesions().where(other) for other in names.merged_from.get(number, ())]
            for part in parts:
                own = part.values == number
                part.values[own] = 0
                for other, where in zip(names.merged_from.get(number, ()), others, strict=True):
                    overlap = Box(part.start, own).overlap(where)
                    if overlap is not None and other not in numbers:
                        part.overlap(where)[0][overlap[0] & overlap[1]] = other

    # Edits

    def _take(self) -> Voxels:
        """Take what the user painted since we wrote; returns the segments' voxels as they are now."""
        self._edits_now()
        node = self.segmentation_node
        if node is None:
            return Voxels.none(self._shape)
        if isinstance(self._written, tuple):
            parts, over = self._written
            self._written = Voxels.of(self._shape, parts).under(over).shown()
        if segments.are_as_written(node, self._canvas, self._numbers):
            self._edits = self._edits_then
            return self._written
        now = segments.read_voxels(node, self.ct)
        if now.same(self._written):
            self._edits = self._edits_then
            return now
        known = self._history.find(now)
        if known is not None:
            edits, self.cut = known
            self._settle(now, edits)
        else:
            self._edits = self._edits_then.after(self._written, now)
            self._history.add(now, self._edits, self.cut)
        return now

    def _settle(self, now: Voxels, edits: Edits) -> None:
        """These are the edits where the segments are as they are now."""
        self._edits = self._edits_then = edits
        self._written = now

    def _edits_now(self) -> Edits:
        """As far as they were taken; in a loaded scene, as they were saved."""
        if self._edits is None:
            node = self.segmentation_node
            kept = kept_edits(node, self._shape) if node is not None else None
            if kept is None:
                now = segments.read_voxels(node, self.ct) if node is not None else Voxels.none(self._shape)
                kept = Edits.none(self._shape), now
            self._settle(*reversed(kept))
        return self._edits

    def _known_lesions(self) -> Identities:
        """Which lesion was where; in a loaded scene, as its segments say."""
        if self._identities is None:
            self._identities = Identities()
            node = self.segmentation_node
            if node is not None:
                self._identities = Identities(Marks(node).highest)
                erased = self._edits_now().erased
                # Removed lesions too, so that what is left of them is known for theirs at another threshold.
                self._identities.remember(_by_lesion(erased.of_lesions(self._edits.removed)))
                self._identities.remember(_by_lesion(segments.read_voxels(node, self.ct)))
        return self._identities

    @property
    def _grid(self):
        return geometry_of(self.ct)

    @property
    def _shape(self) -> tuple[int, int, int]:
        return self.ct.GetImageData().GetDimensions()[::-1]

    def _lung_fields(self) -> LungFields | None:
        token = change_token(self.ct)
        if self._lungs is None or self._lungs[0] != token:
            self._lungs = token, find_lung_fields(slicer.util.arrayFromVolume(self.ct), self._grid)
        return self._lungs[1]


def _values(cut: Cut) -> tuple[float, float, bool]:
    return cut.threshold, cut.smallest_mm, cut.largest_only


def _by_lesion(voxels: Voxels) -> list[Box]:
    return [voxels.within(place) for place in voxels.boxes()]


def _part(box: Box, place: Place) -> Box:
    """The box's values in a place of the scan, 0 where it does not reach."""
    part = Box(tuple(side.start for side in place), np.zeros([side.stop - side.start for side in place], np.float32))
    overlap = part.overlap(box)
    if overlap is not None:
        overlap[0][...] = overlap[1]
    return part


def _token(node) -> tuple | None:
    """Something that differs as soon as a volume node's voxels do."""
    return None if node is None else (node.GetID(), node.GetImageData().GetMTime())


def _digest(labels: np.ndarray, probability: np.ndarray | None) -> bytes:
    digest = hashlib.blake2b(np.ascontiguousarray(labels), digest_size=16)
    if probability is not None:
        digest.update(np.ascontiguousarray(probability))
    return digest.digest()


def _matrix(ct) -> bytes:
    return geometry_of(ct).ijk_to_lps_matrix.tobytes()
