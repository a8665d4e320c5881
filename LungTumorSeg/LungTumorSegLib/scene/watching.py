"""Hears what the user does to a result in the scene: lines moved or deleted, lesions removed or painted.

Without Qt: VTK's own events. What we do ourselves is not heard (`Result.at_work`).
"""

from __future__ import annotations

from collections.abc import Callable

import slicer
import vtk

from LungTumorSegLib.scene import ownership, segments
from LungTumorSegLib.scene.diameters import AXIS, LESION, ROLE, diameter_lines, is_whole
from LungTumorSegLib.scene.result import Result

_MOVED = (slicer.vtkMRMLMarkupsNode.PointModifiedEvent, slicer.vtkMRMLMarkupsNode.PointRemovedEvent)
_PAINTED = (slicer.vtkSegmentation.SourceRepresentationModified, slicer.vtkSegmentation.SegmentAdded)


class Watch:
    """Keeps a result's lesions true to the scene until `stop`.

    on_changed : called after lesions changed; look at `Result.lesions`.
    on_painted : called after segments were painted; measuring anew is left to the host, when the hand rests.
    """

    def __init__(self, result: Result, on_changed: Callable[[], None], on_painted: Callable[[], None]):
        self._result, self._on_changed, self._on_painted = result, on_changed, on_painted
        self._observed: dict[str, tuple] = {}  # VTK object by address -> the object and its observers' tags
        self._going_lines: dict[str, tuple[int, str]] = {}  # node id -> lesion and axis
        self._images: dict | None = {}  # of our segments, as they were measured; None where they are others by now
        scene = result.scene
        self._observe(scene, {scene.NodeAboutToBeRemovedEvent: self._going, scene.NodeRemovedEvent: self._gone})
        self.follow()

    def follow(self) -> None:
        """Observe what came since; call after each measurement."""
        for line in diameter_lines(self._result.ct).values():
            self._observe(line, dict.fromkeys(_MOVED, self._moved))
        node = self._result.segmentation_node
        if node is not None:
            others = {
                slicer.vtkSegmentation.SegmentRemoved: self._segment_removed,
                slicer.vtkSegmentation.SegmentModified: self._segment_modified,
            }
            self._observe(node.GetSegmentation(), dict.fromkeys(_PAINTED, self._painted) | others)
            self._images = segments.images(node)

    def stop(self) -> None:
        for thing, tags in self._observed.values():
            for tag in tags:
                thing.RemoveObserver(tag)
        self._observed.clear()

    def _observe(self, thing, handlers: dict) -> None:
        address = thing.GetAddressAsString("")
        if address not in self._observed:
            self._observed[address] = (thing, [thing.AddObserver(event, f) for event, f in handlers.items()])

    def _deaf(self) -> bool:
        scene = self._result.scene
        return self._result.at_work or scene.IsClosing() or scene.IsImporting() or scene.IsRestoring()

    def _moved(self, line, _event) -> None:
        if not self._deaf() and is_whole(line):
            self._result.line_moved()
            self._on_changed()

    def _segment_removed(self, _segmentation, _event) -> None:
        if not self._deaf():
            self._result.segments_removed()
            self._on_changed()

    def _segment_modified(self, _segmentation, _event) -> None:
        """An Undo by which no segment comes or goes says this alone (vtkSegmentationHistory::RestoreState); so do a new
        name, a colour, a surface, which are nothing to us."""
        known = self._images
        if self._deaf() or (known is not None and known == segments.images(self._result.segmentation_node)):
            return
        self._images = None  # others, until they are measured: an Undo says so of every segment
        self._on_painted()

    def _painted(self, _segmentation, _event) -> None:
        if not self._deaf():
            self._on_painted()

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _going(self, _scene, _event, node) -> None:
        """Whose it is can be asked only while it is still in the scene; its display node goes in between."""
        if not self._deaf() and node in ownership.owned(self._result.ct, ROLE):
            self._going_lines[node.GetID()] = int(node.GetAttribute(LESION)), node.GetAttribute(AXIS)

    @vtk.calldata_type(vtk.VTK_OBJECT)
    def _gone(self, _scene, _event, node) -> None:
        line = self._going_lines.pop(node.GetID(), None)
        if line is not None:
            self._result.line_deleted(*line)
            self._on_changed()
