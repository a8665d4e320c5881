"""What we wrote into our segments, and what the user made of it since."""

from __future__ import annotations

from collections.abc import Collection

from LungTumorSegLib.measurement.identity import Identities, Names
from LungTumorSegLib.scene import answers, ownership, segments
from LungTumorSegLib.scene.canvas import Canvas
from LungTumorSegLib.scene.composed import ComposedMap
from LungTumorSegLib.scene.cut import Cut, keep_cut, kept_cut
from LungTumorSegLib.scene.cutting import cut_lesions
from LungTumorSegLib.scene.edits import Edits, History, State, keep_edits, kept_edits
from LungTumorSegLib.scene.made_by import made_by, say_made_by
from LungTumorSegLib.scene.marks import Marks
from LungTumorSegLib.scene.volumes import geometry_of
from LungTumorSegLib.scene.voxels import Shape, Voxels
from LungTumorSegLib.volume.box import Box


class WrittenSegments:
    """The segments of one CT: the map's lesions at `cut`, with the user's edits over them.

    cut : of the segments as they are; `take` may set it back after the editor's Undo, and which model made them.
    went_back : what was taken since we wrote led to a state that was there before.
    """

    def __init__(self, ct, composed: ComposedMap):
        self.cut = kept_cut(ct) or Cut()
        self.went_back = False
        self._ct, self._map = ct, composed
        self._identities: Identities | None = None
        self._merged_from: dict[int, tuple[int, ...]] | None = None  # by the last writing
        self._edits: Edits | None = None
        self._written: Voxels | tuple | None = None  # with the edits of then: `_edits_then`
        self._edits_then: Edits | None = None
        self._history = History()
        self._canvas = Canvas()
        self._numbers: list[int] = []
        self._locked: set[int] = set()
        self._locked_voxels: Voxels | None = None

    @property
    def node(self):
        """Our vtkMRMLSegmentationNode, or None."""
        return ownership.owned_one(self._ct, segments.ROLE)

    @property
    def shape(self) -> Shape:
        return self._ct.GetImageData().GetDimensions()[::-1]

    def lock(self) -> None:
        """Take what the user painted, and which lesions are marked as completed: `write` leaves these as they are. To
        the segments as they are now Undo may lead back."""
        now, node = self.take(), self.node
        self._remember(now, self._edits)
        self._locked = segments.locked_lesions(node) if node is not None else set()
        self._locked_voxels = now.of_lesions(self._locked)

    def write(self, node) -> None:
        """Write the lesions at `cut` and the edits over them."""
        edits = self.edits_taken()
        asked = list(answers.answers(self._ct).values())
        parts = cut_lesions(self._map.blocks(), geometry_of(self._ct), self.cut, asked)
        names = self._known_lesions().keep(parts)
        over = edits.over
        if edits.removed or self._locked:
            self._leave_out(parts, names, edits.removed | self._locked)
        if self._locked:
            over = over.under(self._locked_voxels)
        self._numbers = segments.fill_segments(node, self._ct, parts, over, self._canvas)
        self._merged_from = names.merged_from
        self._written, self._edits_then, self.went_back = (parts, over), edits, False

    def take_over(self) -> None:
        """The segments were filled with lesions that a person had corrected: what differs from the map's own at `cut`
        is edits, which stay at every other threshold."""
        now = segments.read_voxels(self.node, self._ct)
        parts = cut_lesions(self._map.blocks(), geometry_of(self._ct), self.cut, [])
        self._known_lesions().keep(parts)
        self.settle(now, Edits.none(self.shape).after(Voxels.of(self.shape, parts), now))

    def begin(self, node) -> int:
        """A segment without a voxel, which the user fills; returns its lesion's number, which no other gets."""
        known = self._known_lesions()
        known.highest += 1
        Marks(node).highest = known.highest
        segments.begin_segment(node, known.highest)
        return known.highest

    def take(self, undone: bool = False) -> Voxels:
        """Take what the user painted since we wrote; returns the segments' voxels as they are now.

        undone : by Undo or Redo. Without it an empty state is the eraser's, whatever was empty before.
        """
        self.edits_taken()
        node = self.node
        if node is None:
            return Voxels.none(self.shape)
        if isinstance(self._written, tuple):
            parts, over = self._written
            self._written = Voxels.of(self.shape, parts).under(over).shown()
        if segments.are_as_written(node, self._canvas, self._numbers):
            self._as_written()
            return self._written
        now = segments.read_voxels(node, self._ct)
        if now.same(self._written):
            self._as_written()
            return now
        self._remember(self._written, self._edits_then)  # Undo may lead back to it, measured or not
        known = self._history.find(now) if undone or len(now) else None
        self.went_back = known is not None
        if known is not None:
            self.cut = known.cut
            say_made_by(node, known.made_by)
            self.settle(now, known.edits)
        else:
            self._edits = self._edits_then.after(self._written, now)
        self._remember(now, self._edits)
        return now

    def _remember(self, voxels: Voxels, edits: Edits) -> None:
        """As long as the cut and the model are still those of these voxels."""
        self._history.add(voxels, State(edits, self.cut, made_by(self.node)))

    def _as_written(self) -> None:
        self.went_back |= self._edits is not self._edits_then
        self._edits = self._edits_then

    def settle(self, now: Voxels, edits: Edits) -> None:
        """These are the edits where the segments are as they are now."""
        self._edits = self._edits_then = edits
        self._written = now

    def edits_taken(self) -> Edits:
        """As far as they were taken; in a loaded scene, as they were saved."""
        if self._edits is None:
            node = self.node
            kept = kept_edits(node, self.shape) if node is not None else None
            if kept is None:
                now = segments.read_voxels(node, self._ct) if node is not None else Voxels.none(self.shape)
                kept = Edits.none(self.shape), now
            self.settle(*reversed(kept))
        return self._edits

    def keep_edits(self, now: Voxels) -> None:
        """Save the edits with our node, where the segments hold `now`."""
        keep_edits(self.node, self._edits, now)

    def keep(self, now: Voxels, lesions: Collection[int]) -> None:
        """The hand rests and the segments hold `now`: save edits, cut, numbers; `lesions` keep which others grew into
        them."""
        node = self.node
        self._remember(now, self._edits)
        keep_edits(node, self._edits, now)
        keep_cut(node, self.cut)
        self._known_lesions().remember(_by_lesion(now))
        marks = Marks(node)
        marks.highest = self._known_lesions().highest
        if self._merged_from is not None:
            for lesion in lesions:
                marks.set_merged_from(lesion, self._merged_from.get(lesion, ()))
            self._merged_from = None

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

    def _known_lesions(self) -> Identities:
        """Which lesion was where; in a loaded scene, as its segments say."""
        if self._identities is None:
            self._identities = Identities()
            node = self.node
            if node is not None:
                self._identities = Identities(Marks(node).highest)
                erased = self.edits_taken().erased
                # Removed lesions too, so that what is left of them is known for theirs at another threshold.
                self._identities.remember(_by_lesion(erased.of_lesions(self._edits.removed)))
                self._identities.remember(_by_lesion(segments.read_voxels(node, self._ct)))
        return self._identities


def _by_lesion(voxels: Voxels) -> list[Box]:
    return [voxels.within(place) for place in voxels.boxes()]
