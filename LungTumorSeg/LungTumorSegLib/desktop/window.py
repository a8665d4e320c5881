"""A window of ours beside Slicer's main one, filled from a .ui file."""

from __future__ import annotations

from pathlib import Path

import qt
import slicer

FOLDER = Path(__file__).resolve().parents[2] / "Resources" / "UI"


def open_window(name: str, title: str, width: int, height: int, closed):
    """
    Returns
    -------
    (QDialog, namespace of its widgets by name)
        Shown; it holds up nothing. `closed` is called when it is closed in any way.
    """
    dialog = qt.QDialog(slicer.util.mainWindow())
    dialog.windowTitle = title
    layout = qt.QVBoxLayout(dialog)
    widget = slicer.util.loadUI(str(FOLDER / f"{name}.ui"))
    layout.addWidget(widget)
    dialog.connect("finished(int)", lambda _result: closed())
    dialog.resize(width, height)
    dialog.show()
    return dialog, slicer.util.childWidgetVariables(widget)
