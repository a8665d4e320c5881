"""The Export tab: a button a format, and where the files went. Decides nothing."""

from __future__ import annotations

import html
from pathlib import Path

import qt
import slicer
from slicer.i18n import tr as _

from LungTumorSegLib.desktop import dicom_database

KEY = "LungTumorSeg/ExportFolder"
REMEMBERED = 5  # lines of where files went


class ExportTab:
    """
    Parameters
    ----------
    ui : the widgets by name
    desk : `workstation.desk.Desk`
    jobs : `workstation.jobs.Jobs`
    exporting : `workstation.exporting.Exporting`
    """

    def __init__(self, ui, desk, jobs, exporting):
        self.ui, self.desk, self._jobs, self._exporting = ui, desk, jobs, exporting
        self._lines: list[str] = []
        self._import = None  # under way
        ui.exportFolderEdit.currentPath = slicer.util.settingsValue(KEY, "") or slicer.app.defaultScenePath
        ui.exportFolderEdit.connect("currentPathChanged(QString)", self._folder_chosen)
        ui.niftiButton.connect("clicked(bool)", lambda _checked: self._file(exporting.nifti, "nifti"))
        ui.csvButton.connect("clicked(bool)", lambda _checked: self._file(exporting.table, "csv"))
        ui.reportButton.connect("clicked(bool)", lambda _checked: self._file(exporting.report, "pdf"))
        ui.dicomButton.connect("clicked(bool)", self._dicom)
        ui.databaseButton.connect("clicked(bool)", self._database)

    def update(self) -> None:
        ready = self.desk.has_result and not self._jobs.under_way
        for button in (self.ui.niftiButton, self.ui.csvButton, self.ui.reportButton, self.ui.dicomButton):
            button.enabled = ready
        self.ui.databaseButton.enabled = ready and dicom_database.is_open() and self._import is None

    def _folder(self) -> Path:
        return Path(self.ui.exportFolderEdit.currentPath)

    def _folder_chosen(self, path: str) -> None:
        qt.QSettings().setValue(KEY, path)

    def _file(self, export, format_: str) -> None:
        export(self._exporting.free_path(self._folder(), format_), self._went)

    def _dicom(self, _checked: bool = False) -> None:
        self._exporting.dicom(self._exporting.free_path(self._folder(), "dicom"), self._dicom_went)

    def _dicom_went(self, files: list[Path]) -> None:
        for file in files:
            self._went(file)

    def _database(self, _checked: bool = False) -> None:
        self._exporting.dicom(self._jobs.new_folder(), self._into_database)

    def _into_database(self, files: list[Path]) -> None:
        if files:
            self._import = dicom_database.DatabaseImport(str(files[0].parent), self._imported)
            self.update()

    def _imported(self) -> None:
        self._import = None
        self._tell(_("SEG and SR stand in Slicer's DICOM database, in the CT's study."))
        self.update()

    def _went(self, path: Path) -> None:
        folder = f'<a href="{path.parent.absolute().as_uri()}">{html.escape(str(path.parent))}</a>'
        self._tell(_("{file} in {folder}").format(file=html.escape(path.name), folder=folder))

    def _tell(self, line: str) -> None:
        self._lines = [line, *self._lines][:REMEMBERED]
        self.ui.exportedLabel.text = "<br>".join(self._lines)
