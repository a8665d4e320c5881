"""Follow-up in the Measure tab: the earlier study, which lesion is which, the response in words, the plot."""

from __future__ import annotations

import qt
import slicer
from slicer.i18n import tr as _


class FollowUpGroup:
    """
    Parameters
    ----------
    ui : the widgets by name
    desk : `workstation.desk.Desk`
    jobs : `workstation.jobs.Jobs`
    following : `workstation.following.Following`
    """

    def __init__(self, ui, desk, jobs, following):
        self.ui, self.desk, self._jobs, self._following = ui, desk, jobs, following
        self._shown = None  # the course in the table
        self._numbers: list[int] = []  # of the rows' lesions
        self._fates: list[str] = []  # what each item of the list of fates stands for
        titles = ["", _("Earlier"), _("Now"), _("Change"), _("Look at")]
        table = ui.matchTable
        table.setColumnCount(len(titles))
        table.setHorizontalHeaderLabels(titles)
        table.verticalHeader().setVisible(False)
        table.horizontalHeader().setDefaultSectionSize(24)  # else the last is wider than it need be
        table.horizontalHeader().setSectionResizeMode(qt.QHeaderView.ResizeToContents)
        table.horizontalHeader().setStretchLastSection(True)
        table.connect("currentCellChanged(int,int,int,int)", lambda _row, _c, _b, _d: self._show_fates())
        ui.earlierSelector.connect("currentNodeChanged(vtkMRMLNode*)", following.choose_earlier)
        ui.earlierFolderButton.connect("clicked(bool)", self._open_folder)
        ui.compareButton.connect("clicked(bool)", lambda _checked: following.compare())
        ui.confirmButton.connect("clicked(bool)", lambda _checked: following.confirm(self._number))
        ui.matchComboBox.connect("activated(int)", lambda index: following.change(self._fates[index]))
        ui.plotButton.connect("clicked(bool)", self._plot)

    @property
    def _number(self) -> int | None:
        """The lesion of the chosen row."""
        row = self.ui.matchTable.currentRow()
        return self._numbers[row] if 0 <= row < len(self._numbers) else None

    # What the desk and the course tell

    def update(self) -> None:
        """Buttons as what may be done now; no table of another CT's, or of other lesions."""
        ui, following = self.ui, self._following
        if following.followup is not self._shown:
            self.show()
            return
        ui.responseLabel.text = following.in_words()
        compared = self._shown is not None
        idle = not self._jobs.under_way
        ui.earlierFolderButton.enabled = idle
        ui.compareButton.enabled = following.earlier is not None and self.desk.has_result and idle
        ui.confirmButton.enabled = compared and bool(self._numbers)
        ui.plotButton.enabled = compared
        ui.matchComboBox.enabled = compared and self._number is not None

    def show(self) -> None:
        """The earlier study, the matches and the response as they are now."""
        following, table = self._following, self.ui.matchTable
        self._shown = following.followup
        self.ui.earlierSelector.setCurrentNode(following.earlier)
        self.ui.earlierLabel.text = _says(following)
        chosen, self._numbers = self._number, []
        matches = following.matches
        table.setRowCount(len(matches))
        for row, match in enumerate(matches):
            look = _("confirmed") if match.confirmed else match.doubt
            for column, text in enumerate((str(match.number), match.earlier, match.now, match.change, look)):
                item = qt.QTableWidgetItem(text)
                item.setToolTip(match.doubt or match.role)
                table.setItem(row, column, item)
        table.resizeRowsToContents()
        self._numbers = [match.number for match in matches]
        table.setCurrentCell(self._numbers.index(chosen) if chosen in self._numbers else -1, 0)
        self._show_fates()
        self.update()

    def _show_fates(self) -> None:
        """What may have become of the chosen lesion."""
        box, number = self.ui.matchComboBox, self._number
        box.clear()
        fates = self._following.fates(number) if number is not None else []
        for text, _change in fates:
            box.addItem(text)
        box.currentIndex = -1
        self._fates = [change for _text, change in fates]
        box.enabled = bool(fates)

    # What the user does

    def _open_folder(self, _checked: bool = False) -> None:
        folder = qt.QFileDialog.getExistingDirectory(
            slicer.util.mainWindow(), _("Choose the folder of the earlier result")
        )
        if folder:
            self._following.open_earlier(folder)

    def _plot(self, _checked: bool = False) -> None:
        slicer.modules.plots.logic().ShowChartInLayout(self._following.followup.chart_node)


def _says(following) -> str:
    if following.earlier is None:
        return _("No earlier study.")
    return "" if following.followup is not None else _("Press Compare.")
