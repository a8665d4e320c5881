"""Slicer's Segment Editor, so that its Undo takes back what we do to the segmentation that it edits."""

from __future__ import annotations

import slicer


def save_undo(segmentation_node) -> None:
    """Have the Segment Editor remember the segmentation as it is, where it edits this one."""
    widget = getattr(slicer.modules, "SegmentEditorWidget", None)  # there once the module was opened
    if widget is not None and widget.editor.segmentationNode() is segmentation_node:
        widget.editor.saveStateForUndo()
