"""The user's corrections: an "edited" mask beside the model's, laid over whatever the model's becomes.

When the user paints, erases, cuts - with any effect of Slicer's Segment Editor, in segments of ours - what the segments
hold now is compared with what we wrote last. Each voxel that differs is an edit: painted into a lesion, or erased. From
then on the edits are laid over the model's lesions each time they are written, at every threshold, prompt and new
Segment, until `Edits.without` is asked for. The comparison starts each time from what we wrote and from the edits of
then: the editor's Undo takes its edits back. Undo past a change of ours leads to a state that is known, with its edits,
its cut and the model that made it.

A lesion of which nothing was left (also: whose segment was removed) is removed: it does not come back at another
threshold, in no part. A prompt's point in it brings it back.

Kept as attributes of our segmentation node, so that whatever becomes of the files beside it, a saved scene has them.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from LungTumorSegLib.measurement.components import find_components
from LungTumorSegLib.scene import ownership
from LungTumorSegLib.scene.cut import Cut
from LungTumorSegLib.scene.made_by import MadeBy
from LungTumorSegLib.scene.voxels import Shape, Voxels, either

_PAINTED, _ERASED, _REMOVED, _WRITTEN, _SHAPE = (
    ownership.PREFIX + name for name in ("Painted", "Erased", "Removed", "Written", "Shape")
)
UNDO_STEPS = 10  # so far the editor's Undo goes back, Slicer's and the page's; each keeps all segments
STATES = 30  # of the past that are known: what was undone and done anew counts, too


@dataclass(frozen=True, eq=False)
class Edits:
    """
    painted : the voxels with the lesion into which they were painted.
    erased : the voxels that were taken from a lesion, with that lesion; they may be painted into another.
    removed : lesions that are not to come back.
    """

    painted: Voxels
    erased: Voxels
    removed: frozenset[int] = frozenset()

    @classmethod
    def none(cls, shape: Shape) -> Edits:
        return cls(Voxels.none(shape), Voxels.none(shape))

    def __bool__(self) -> bool:
        return bool(len(self.painted) or len(self.erased) or self.removed)

    @property
    def corrected(self) -> set[int]:
        """The lesions that have an edit."""
        return {*self.painted.numbers, *self.erased.numbers, *self.removed}

    @property
    def over(self) -> Voxels:
        """To be laid over the model's labels: 0 where erased."""
        where = either(self.painted.where, self.erased.where)
        return Voxels(self.painted.shape, where, self.painted.at(where))

    def after(self, written: Voxels, now: Voxels) -> Edits:
        """The edits, where `written` was written with these edits in it and the segments hold `now`."""
        where = either(written.where, now.where)
        before, after = written.at(where), now.at(where)
        changed = before != after
        where, before, after = where[changed], before[changed], after[changed]
        shape = written.shape

        def replaced(old: Voxels, lesion: np.ndarray) -> Voxels:
            kept = old.only(~np.isin(old.where, where, assume_unique=True))
            return kept.under(Voxels(shape, where[lesion > 0], lesion[lesion > 0]))

        gone = set(written.numbers) - set(now.numbers)
        return Edits(
            replaced(self.painted, after),
            replaced(self.erased, before),
            frozenset((self.removed | gone) - set(now.numbers)),
        )

    def without(self, lesions: Iterable[int]) -> Edits:
        """Without those of some lesions."""
        lesions = list(lesions)
        theirs = [voxels.where[np.isin(voxels.lesion, lesions)] for voxels in (self.painted, self.erased)]
        painted, erased = (
            voxels.only(~np.isin(voxels.where, either(*theirs))) for voxels in (self.painted, self.erased)
        )
        return Edits(painted, erased, self.removed - set(lesions))

    def asked_at(self, indices: np.ndarray) -> Edits:
        """The user asks for the lesions at these voxels, (n, 3) k, j, i: what was erased there, as far as it hangs
        together, is not erased any more."""
        shape, edits = self.erased.shape, self
        for index in indices:
            if (index < 0).any() or (index >= shape).any():
                continue
            lesion = int(edits.erased.at(np.array([np.ravel_multi_index(tuple(index), shape)]))[0])
            if not lesion:
                continue
            own = edits.erased.lesion == lesion
            box = edits.erased.only(own).within(edits.erased.only(own).boxes()[0])
            components = find_components(box.values > 0)
            numbers = components.painted(np.arange(len(components.boxes), dtype=np.int32) + 1)
            at = edits.erased.indices()[own] - box.start
            back = own.copy()
            back[own] = numbers[tuple(at.T)] == numbers[tuple(index - box.start)]
            edits = Edits(edits.painted, edits.erased.only(~back), edits.removed - {lesion})
        return edits


class State(NamedTuple):
    """What is known of our segments as they once were, beside their voxels."""

    edits: Edits
    cut: Cut
    made_by: MadeBy


class History:
    """The states of our segments that are known."""

    def __init__(self):
        self._states: OrderedDict[bytes, State] = OrderedDict()

    def add(self, voxels: Voxels, state: State) -> None:
        key = _fingerprint(voxels)
        self._states[key] = state
        self._states.move_to_end(key)
        while len(self._states) > STATES:
            self._states.popitem(last=False)

    def find(self, voxels: Voxels) -> State | None:
        return self._states.get(_fingerprint(voxels))


def keep_edits(node, edits: Edits, written: Voxels) -> None:
    """Keep them with our segmentation node, and what we wrote into it."""
    texts = {
        _PAINTED: edits.painted.as_text() if len(edits.painted) else None,
        _ERASED: edits.erased.as_text() if len(edits.erased) else None,
        _REMOVED: " ".join(map(str, sorted(edits.removed))) or None,
        _WRITTEN: written.as_text(),
        _SHAPE: " ".join(map(str, written.shape)),
    }
    for name, text in texts.items():
        if text is None:
            node.RemoveAttribute(name)
        elif text != node.GetAttribute(name):
            node.SetAttribute(name, text)


def kept_edits(node, shape: Shape) -> tuple[Edits, Voxels] | None:
    """The edits and what we wrote last; None where nothing is kept, or for a CT of another shape."""
    if node.GetAttribute(_SHAPE) != " ".join(map(str, shape)):
        return None

    def voxels(name: str) -> Voxels:
        text = node.GetAttribute(name)
        return Voxels.from_text(shape, text) if text else Voxels.none(shape)

    removed = frozenset(int(n) for n in (node.GetAttribute(_REMOVED) or "").split())
    return Edits(voxels(_PAINTED), voxels(_ERASED), removed), voxels(_WRITTEN)


def _fingerprint(voxels: Voxels) -> bytes:
    digest = hashlib.blake2b(voxels.where.tobytes(), digest_size=16)
    digest.update(voxels.lesion.tobytes())
    return digest.digest()
