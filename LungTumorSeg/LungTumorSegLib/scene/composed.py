"""The tumour probability that is seen: one map, composed of what the worker answered (see `composing`)."""

from __future__ import annotations

import numpy as np
import slicer

from LungTumorSegLib.measurement.steps import Steps
from LungTumorSegLib.scene import answers, maps, ownership
from LungTumorSegLib.scene.blocks import Blocks, Place
from LungTumorSegLib.scene.composing import changes
from LungTumorSegLib.scene.prompts import prompts_answered, read_taken_away
from LungTumorSegLib.scene.volumes import geometry_of
from LungTumorSegLib.volume.box import EMPTY, Box


class ComposedMap:
    """The map of one CT. Where points or answers changed, `composing` writes there only."""

    def __init__(self, scene, ct):
        self._scene, self._ct = scene, ct
        self._made_of: tuple | None = None
        self._changed: list[Place] | None = None  # where it is not the automatic answer; None while that is unknown
        self._blocks: tuple[tuple, Blocks] | None = None
        self._automatic_blocks: tuple[tuple, Blocks] | None = None

    @property
    def node(self):
        """Its vtkMRMLScalarVolumeNode, or None."""
        return ownership.owned_one(self._ct, maps.PROBABILITY)

    def forget(self) -> None:
        """The automatic answer is another one: all of the map is written anew."""
        self._changed = None

    def blocks(self) -> Blocks:
        """Of the map as it is now."""
        node = self.node
        if self._blocks is None or self._blocks[0] != _token(node):
            self._blocks = _token(node), Blocks(slicer.util.arrayFromVolume(node), maps.map_box(node).slices)
        return self._blocks[1]

    def composing(self) -> Steps[bool]:
        """Write the map of the answers and points as they are now; returns whether it changed."""
        ct, grid = self._ct, geometry_of(self._ct)
        automatic, answered, away = self._automatic(), prompts_answered(ct), read_taken_away(ct)
        made_of = (
            _token(ownership.owned_one(ct, answers.AUTOMATIC)),
            tuple((prompt, _token(answers.answer_node(ct, prompt.key))) for prompt, _ in answered),
            tuple(away),
            grid.ijk_to_lps_matrix.tobytes(),
        )
        node, before = self.node, self._changed
        if before is not None and node is not None and made_of == self._made_of:
            return False
        if before is None or node is None:
            node = yield from maps.showing_map(self._scene, ct, maps.PROBABILITY, automatic)
            yield
            boxes = changes(automatic, lambda: self._blocks_of_automatic(automatic), answered, away, grid)
            maps.change_map(node, boxes)
            self.blocks()
            yield
        else:
            boxes = changes(automatic, lambda: self._blocks_of_automatic(automatic), answered, away, grid)
            maps.change_map(node, [*(_part(automatic, place) for place in before), *boxes])
            if self._blocks is not None:
                blocks = self._blocks[1]
                for place in [*before, *(box.slices for box in boxes)]:
                    blocks.update(place)
                self._blocks = _token(node), blocks
        self._changed, self._made_of = [box.slices for box in boxes], made_of
        return True

    def _automatic(self) -> Box:
        """The automatic answer. Where only the map that is seen is there (a scene of an earlier version, or saved
        without hidden nodes), that map."""
        box = answers.automatic(self._ct)
        if box is None and self.node is not None:
            seen = maps.map_box(self.node)
            answers.keep_automatic(self._scene, self._ct, Box(seen.start, seen.values.copy()))
            box = answers.automatic(self._ct)
        return box if box is not None else EMPTY

    def _blocks_of_automatic(self, automatic: Box) -> Blocks:
        token = _token(ownership.owned_one(self._ct, answers.AUTOMATIC))
        if self._automatic_blocks is None or self._automatic_blocks[0] != token:
            self._automatic_blocks = token, Blocks(automatic.values)
        return self._automatic_blocks[1]


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
