"""Slicer's Segment Editor, so that its Undo takes back what we do to the segmentation that it edits.

The module itself rather than an editor of our own in the panel: its undo, its keys, its masks and every effect that
other extensions bring work there as users know them, and it needs more room than the panel has.
"""

from __future__ import annotations

import slicer

from LungTumorSegLib.scene import segments


def save_undo(segmentation_node) -> None:
    """Have the Segment Editor remember the segmentation as it is, where it edits this one."""
    widget = getattr(slicer.modules, "SegmentEditorWidget", None)  # there once the module was opened
    if widget is not None and widget.editor.segmentationNode() is segmentation_node:
        widget.editor.saveStateForUndo()


def open_segment_editor(segmentation_node, ct, lesion: int | None = None) -> None:
    """Change to the Segment Editor module, set to paint on our segmentation over the CT: into that lesion, if any."""
    slicer.util.selectModule("SegmentEditor")
    editor = slicer.modules.SegmentEditorWidget.editor
    editor.setSegmentationNode(segmentation_node)
    editor.setSourceVolumeNode(ct)
    if lesion is not None:
        editor.setCurrentSegmentID(segments.our_segments(segmentation_node)[lesion])
