"""The Measure tab: the lesions' table, marks, sums, follow-up. Decides nothing."""

from __future__ import annotations

import slicer

from LungTumorSegLib.desktop.follow_up import FollowUpGroup
from LungTumorSegLib.desktop.lesion_table import LesionTable
from LungTumorSegLib.workstation import words
from LungTumorSegLib.workstation.following import Following


class MeasureTab:
    """
    Parameters
    ----------
    ui : the widgets by name
    desk : `workstation.desk.Desk`
    jobs : `workstation.jobs.Jobs`
    """

    def __init__(self, ui, desk, jobs):
        self.ui, self.desk = ui, desk
        self._following = Following(desk, jobs, self._course_changed)
        self._follow_up = FollowUpGroup(ui, desk, jobs, self._following)
        self._table = LesionTable(ui.lesionTable, desk.jump)
        ui.nodeButton.connect("clicked(bool)", self._mark_node)
        ui.resetLinesButton.connect("clicked(bool)", self._reset_lines)
        ui.copyButton.connect("clicked(bool)", self._copy)

    @property
    def keys(self) -> dict:
        """Keyboard shortcuts; the tool tips name them."""
        return {"L": self.ui.nodeButton.click}

    @property
    def chosen(self):
        """The lesion of the table's current row, or None."""
        return self._table.chosen

    # What the desk tells

    def show_lesions(self, lesions: list) -> None:
        self._table.show(lesions)

    def _course_changed(self) -> None:
        self._follow_up.show()

    def update(self) -> None:
        """Buttons and sums as the lesions are now."""
        lesions = self.desk.lesions
        self.ui.nodeButton.enabled = self.ui.copyButton.enabled = bool(lesions)
        self.ui.resetLinesButton.enabled = any(lesion.edited for lesion in lesions)
        self.ui.sumsLabel.text = words.sums(lesions)
        self._follow_up.update()

    def scene_closing(self) -> None:
        """Nodes are about to vanish."""
        self._following.scene_closing()

    # What the user does

    def _mark_node(self, _checked: bool = False) -> None:
        lesion = self.chosen
        if lesion is not None:
            self.desk.mark_node(lesion.id, not lesion.node)

    def _reset_lines(self, _checked: bool = False) -> None:
        """Of the chosen lesion where it has lines of the user's own, else of all."""
        lesion = self.chosen
        self.desk.reset_lines(lesion.id if lesion is not None and lesion.edited else None)

    def _copy(self, _checked: bool = False) -> None:
        slicer.app.clipboard().setText("\n".join(filter(None, (self.desk.table_text(), self._following.text()))))
