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

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import numpy as np

from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.measurement.steps import Steps, at_once, finished
from LungTumorSegLib.scene import answers, maps, ownership, segments
from LungTumorSegLib.scene.composed import ComposedMap
from LungTumorSegLib.scene.cut import Cut
from LungTumorSegLib.scene.diameters import show_diameters
from LungTumorSegLib.scene.edits import Edits
from LungTumorSegLib.scene.marked import MarkedLesions
from LungTumorSegLib.scene.measured import MeasuredLesions
from LungTumorSegLib.scene.prompt_nodes import remove_prompt
from LungTumorSegLib.scene.prompts import Prompt, is_answer_to, prompts_answered, read_prompts, read_taken_away
from LungTumorSegLib.scene.table import show_table
from LungTumorSegLib.scene.volumes import geometry_of
from LungTumorSegLib.scene.written import WrittenSegments
from LungTumorSegLib.volume.box import Box


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
        self.at_work = False  # the scene changes by our own hand: see `watching.Watch`
        self.measures_later = False  # a host does it in steps (`measuring`) after whatever changed the segments
        self._map = ComposedMap(scene, ct)
        self._segments = WrittenSegments(ct, self._map)
        self._measures = MeasuredLesions(ct, self._map)
        self._marked = MarkedLesions(ct, self._segments)
        self._surface_wanted = False
        self._dragging = False  # a change of ours is under way: until it is measured, or the user does another thing
        self._read = False  # the lesions of the segments were looked at

    @property
    def lesions(self) -> list[Lesion]:
        """As far as they were measured, with the user's lines and marks."""
        return self._marked.lesions

    @property
    def cut(self) -> Cut:
        """Of the segments as they are; the editor's Undo may set it back."""
        self._segments.take()
        return self._segments.cut

    @cut.setter
    def cut(self, cut: Cut) -> None:
        self._segments.cut = cut

    @property
    def probability_node(self):
        return self._map.node

    @property
    def heat_node(self):
        return ownership.owned_one(self.ct, maps.HEAT)

    @property
    def segmentation_node(self):
        return self._segments.node

    # What the worker answered

    def show(self, probability: Box, threshold: float, smallest_mm: float, largest_only: bool = False) -> list[Lesion]:
        """Show a new prediction; returns the lesions. Prompts, edits, marks stay.

        probability : float32 0..1 on the CT's grid; may be empty. Its array is the scene's from now on, not copied.
        threshold : lesions are where the probability reaches it.
        smallest_mm : lesions with a shorter long axis are left out.
        largest_only : of the prediction's lesions the largest alone.
        """
        with batch(self.scene):
            finished(self.taking(probability))
            return self.recompose(threshold, smallest_mm, largest_only)

    def taking(self, probability: Box) -> Steps[None]:
        """The first part of `show`, in steps, for a host whose windows must not stand still: the map is the new one,
        the segments are as they were. `recompose` then. Grad-CAM of the answer before goes."""
        answers.keep_automatic(self.scene, self.ct, probability)
        if self.heat_node is not None:
            ownership.remove(self.scene, self.heat_node)
        self._map.forget()
        yield
        yield from self._map.composing()

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
            now, edits = self._segments.take(), self._segments.edits_taken()
            if edits:
                self._begin_change()
                points = self._grid.lps_to_ijk(np.reshape(prompt.inside, (-1, 3)))[:, ::-1]
                self._segments.settle(now, edits.asked_at(np.rint(points).astype(int)))
            self._show_composed(anyway=True)
        return self.lesions

    def drop_prompt(self, key: str) -> list[Lesion]:
        """Delete a prompt's points and box with its answer; what it replaced is there again."""
        remove_prompt(self.scene, self.ct, key)
        self.follow_prompts()
        return self.lesions

    def showing_heat(self, heat: Box) -> Steps:
        """Show a Grad-CAM box (0..1), in steps; returns its node."""
        return maps.showing_map(self.scene, self.ct, maps.HEAT, heat)

    show_heat = at_once(showing_heat)

    # The cut

    def move_threshold(self, threshold: float, smallest_mm: float, largest_only: bool = False) -> None:
        """Segments only, for every move of the slider. The 3D surface is dropped until `measure`. All moves until then
        are one for Undo; call `end_drag` where the user paints or undoes between them."""
        node = self._begin_change()
        before, self.cut = self._segments.cut, Cut(threshold, smallest_mm, largest_only)
        with self.working():
            try:
                self._segments.write(node)
            except BaseException:
                self.cut = before  # that of the segments as they are
                raise

    def end_drag(self) -> None:
        """What moves next is another change: it takes what was painted before, and Undo takes it back by itself."""
        self._dragging = False

    def recompose(self, threshold: float, smallest_mm: float, largest_only: bool = False) -> list[Lesion]:
        """The hand rests: cut and measure at these values; with `measures_later`, `lesions` are those of before."""
        with batch(self.scene):
            self.move_threshold(threshold, smallest_mm, largest_only)
            return self.lesions if self.measures_later else self.measure()

    def measure(self) -> list[Lesion]:
        """Take what the user painted, then diameters, table and, where there was one, the 3D surface, of the segments
        as they are now."""
        finished(self.measuring())
        return self.lesions

    def measuring(self) -> Steps[None]:
        """As `measure`, in steps, for a host whose windows must not stand still. What is seen and
        `lesions` change at once, when all are measured; 3D surfaces come in the last step. Drop it when anything else
        is done to the result, and begin anew."""
        found = yield from self._measures.measuring(self._segments.take())
        node = self.segmentation_node
        yield
        if node is not None:
            self._segments.keep(self._segments.take(), [lesion.id for lesion, _ in found])
            yield
        self._read = True
        self._marked.take(found)
        self._show()
        if self._surface_wanted and node is not None:
            yield from self._at_work(segments.building_surface(node))
        self._surface_wanted = self._dragging = False

    def take_over(self) -> None:
        """The segments were filled with what a person had corrected: it is to stay so at every threshold."""
        self._segments.take_over()

    def show_surface(self, shown: bool) -> None:
        """Build the 3D surfaces now, or drop them."""
        with self.working():
            segments.show_surface(self.segmentation_node, shown)

    def want_surface(self, wanted: bool) -> None:
        """`measuring` that is under way, or comes next, ends with 3D surfaces or without."""
        self._surface_wanted = wanted

    def read(self) -> list[Lesion]:
        """The lesions of the segments as they are now, in a loaded scene too; shows nothing."""
        finished(self.reading())
        return self.lesions

    def reading(self) -> Steps[None]:
        """As `read`, in steps."""
        found = yield from self._measures.measuring(self._segments.take())
        self._read = True
        self._marked.take(found)

    # What the user does

    def begin_lesion(self) -> int:
        """A lesion without a voxel, for the user to paint; returns its number. One that is still empty is given again.
        Where nothing was asked of the worker yet, the map is zero."""
        if self.probability_node is None:
            finished(self._map.composing())
        node = segments.segmentation_node(self.scene, self.ct)
        begun = segments.begun_segments(node)
        if begun:
            return min(begun)
        self.end_drag()
        self._begin_change()
        self.end_drag()  # what comes into it is the user's
        with self.working():
            return self._segments.begin(node)

    def take_edits(self) -> list[Lesion]:
        """The user painted, erased, undid: keep what is different from what we wrote, and measure.

        Where the editor's Undo led back past a change of ours, `cut` is that of then.
        """
        return self.measure()

    def take_undone(self) -> None:
        """The host's own Undo or Redo led to another state: its edits and its cut are known. Measures nothing."""
        self._segments.take(undone=True)

    @property
    def edits(self) -> Edits:
        """What was painted and erased so far."""
        self._segments.take()
        return self._segments.edits_taken()

    def reset_edits(self, lesion: int | None = None) -> list[Lesion]:
        """Drop what was painted into and erased from a lesion, or all, removed lesions included."""
        if self.segmentation_node is None or self.probability_node is None:
            return self.lesions
        self.end_drag()
        self._begin_change()
        now, edits = self._segments.take(), self._segments.edits_taken()
        self._segments.settle(now, edits.without([lesion]) if lesion is not None else Edits.none(now.shape))
        return self.recompose(*_values(self.cut))

    def take_lines(self) -> list[Lesion]:
        """Take the lines that the user moved for the lesions' axes; changes nothing that is seen."""
        if not self._read:
            return self.read()
        self._marked.take_lines()
        return self.lesions

    def line_moved(self) -> list[Lesion]:
        """The user moved a line: its lesion's values are the line's, and the table says so."""
        self.take_lines()
        self._show()
        return self.lesions

    def line_deleted(self, lesion: int, axis: str) -> list[Lesion]:
        """The user deleted a line: the value is the measured one again, and its line comes back with the next."""
        if self.segmentation_node is not None:
            self._marked.drop_lines([lesion], [axis])
            with self.working(), batch(self.scene):
                show_table(self.scene, self.ct, self.lesions)
        return self.lesions

    def segments_removed(self) -> list[Lesion]:
        """The user removed segments: their lesions go with lines, row and marks, and do not come back at another
        threshold (`reset_edits` and a prompt in them bring them back)."""
        self.take_lines()
        self._marked.drop_removed()
        if self.segmentation_node is not None:
            self._segments.keep_edits(self._segments.take())
        self._marked.mark()
        self._show()
        return self.lesions

    def reset_lines(self, lesion: int | None = None) -> list[Lesion]:
        """Put the lines of a lesion, or of all, back to where they are measured."""
        self.take_lines()
        self._marked.drop_lines([lesion] if lesion is not None else segments.our_segments(self.segmentation_node))
        self._show()
        return self.lesions

    def mark_node(self, lesion: int, node: bool) -> list[Lesion]:
        """Take a lesion for a lymph node, whose short axis counts, or for none."""
        self.take_lines()
        self._marked.set_node(lesion, node)
        self._show()
        return self.lesions

    def _begin_change(self):
        """Before our own hand changes the segments; returns their node. Once for a whole drag, what the user painted is
        taken, and Undo will lead back to here."""
        if not self._dragging:
            self._segments.lock()
        node = segments.segmentation_node(self.scene, self.ct)
        if not self._dragging:
            self._dragging = True
            self._surface_wanted = self._surface_wanted or segments.has_surface(node)
            self._save_undo(node)
        return node

    def _show(self) -> None:
        with self.working(), batch(self.scene):
            show_diameters(self.scene, self.ct, self.lesions, partial(segments.name_of, self.segmentation_node))
            show_table(self.scene, self.ct, self.lesions)

    def _at_work(self, steps: Iterator[None]) -> Steps[None]:
        """Each step by our own hand; between them the user's is heard."""
        while True:
            with self.working():
                if next(steps, self) is self:
                    return
            yield

    @contextmanager
    def working(self):
        """Around changes of ours: `watching.Watch` is deaf."""
        before, self.at_work = self.at_work, True
        try:
            yield
        finally:
            self.at_work = before

    # Composing

    def _show_composed(self, anyway: bool = False) -> None:
        """Compose the map anew where answers or points changed, then cut and measure as before."""
        with batch(self.scene):
            if finished(self._map.composing()) or anyway:
                self.recompose(*_values(self.cut))

    @property
    def _grid(self):
        return geometry_of(self.ct)


def _values(cut: Cut) -> tuple[float, float, bool]:
    return cut.threshold, cut.smallest_mm, cut.largest_only
