"""The lesions of one CT with what the user said of them: measured, then the user's lines and marks over it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from LungTumorSegLib.measurement.drawn import as_node, with_lines
from LungTumorSegLib.measurement.measure import Lesion
from LungTumorSegLib.scene import segments
from LungTumorSegLib.scene.diameters import moved_lines
from LungTumorSegLib.scene.marks import AXES, Marks
from LungTumorSegLib.scene.volumes import geometry_of
from LungTumorSegLib.scene.written import WrittenSegments
from LungTumorSegLib.volume.box import Box


class MarkedLesions:
    """The marks are kept with the segments' node (`marks`); without one there are no lesions.

    lesions : by rising number.
    """

    def __init__(self, ct, written: WrittenSegments):
        self.lesions: list[Lesion] = []
        self._ct, self._segments = ct, written
        self._measured: list[Lesion] = []
        self._labels: dict[int, Box] = {}  # each lesion's voxels, others' among them
        self._forgotten: dict[int, dict[str, str]] = {}  # the marks of removed lesions, which Undo may bring back

    def take(self, found: list[tuple[Lesion, Box]]) -> None:
        """These were measured, each with the labels around it."""
        self._measured, self.lesions = [lesion for lesion, _ in found], []
        self._labels = {lesion.id: labels for lesion, labels in found}
        for number in self._forgotten.keys() & self._labels.keys():
            known = self._forgotten.pop(number)
            if self._segments.went_back:
                Marks(self._segments.node).remember(number, known)
        self.take_lines()

    def take_lines(self) -> None:
        """Take the lines that the user moved for the lesions' axes."""
        node = self._segments.node
        if node is not None:
            for (lesion, axis), ends in moved_lines(self._ct).items():
                Marks(node).set_drawn(lesion, axis, geometry_of(self._ct).lps_to_ijk(ends))
            self.mark()

    def drop_lines(self, lesions: Iterable[int], axes: Iterable[str] = AXES) -> None:
        """The axes are the measured ones again."""
        for lesion in lesions:
            for axis in axes:
                Marks(self._segments.node).set_drawn(lesion, axis, None)
        self.mark()

    def set_node(self, lesion: int, node: bool) -> None:
        """It is a lymph node, or none."""
        Marks(self._segments.node).set_node(lesion, node)
        self.mark()

    def drop_removed(self) -> None:
        """Lesions without a segment go, with their marks."""
        node = self._segments.node
        left = segments.our_segments(node) if node is not None else {}
        for lesion in self._measured:
            if lesion.id not in left and node is not None:
                self._forgotten[lesion.id] = Marks(node).forget(lesion.id)
        self._measured = [lesion for lesion in self._measured if lesion.id in left]

    def mark(self) -> None:
        """Put lines, marks and edits over what was measured, as they are now."""
        self.lesions = []
        if self._segments.node is None:
            return
        marks, grid = Marks(self._segments.node), geometry_of(self._ct)
        corrected = self._segments.edits_taken().corrected
        for lesion in self._measured:
            lesion = replace(
                as_node(lesion, marks.is_node(lesion.id), grid),
                merged_from=marks.merged_from(lesion.id),
                corrected=lesion.id in corrected,
            )
            drawn = (marks.drawn(lesion.id, axis) for axis in AXES)
            lines = [None if ends is None else grid.ijk_to_lps(ends) for ends in drawn]
            self.lesions.append(with_lines(lesion, grid, self._labels[lesion.id], *lines))
