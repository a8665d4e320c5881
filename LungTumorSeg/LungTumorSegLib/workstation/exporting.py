"""What leaves the scene: masks, DICOM objects, tables and reports, each made by a job from the result's folder."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.workstation import words
from LungTumorSegLib.workstation.desk import Desk
from LungTumorSegLib.workstation.jobs import Jobs
from LungTumorSegLib.workstation.result_folder import ResultFolder

ENDINGS = {"nifti": ".nii.gz", "csv": ".csv", "html": ".html", "pdf": ".pdf"}
# What `lungtumorseg export` calls the file of a format.
MADE = {"nifti": "segmentation.nii.gz", "csv": "lesions.csv", "html": "report.html", "pdf": "report.pdf"}
DICOM = ("segmentation.dcm", "measurements.dcm")


class Exporting:
    """
    Parameters
    ----------
    desk : whose result is exported
    jobs : run the commands
    find_file : see `ResultFolder`
    """

    def __init__(self, desk: Desk, jobs: Jobs, find_file: Callable[[str], str] | None = None):
        self._desk, self._jobs = desk, jobs
        self.folder = ResultFolder(jobs, find_file)

    def default_name(self, format_: str) -> str:
        """A file name from the CT's: "CT-Chest-tumours.nii.gz"."""
        name = self._desk.ct.GetName() if self._desk.ct is not None else "CT"
        return f"{re.sub(r'[^A-Za-z0-9]+', '-', name).strip('-') or 'CT'}-tumours{ENDINGS[format_]}"

    def free_path(self, folder: str | Path, format_: str) -> Path:
        """The default name in a folder, with a number behind it where there is such a file: nothing is overwritten.

        format_ : a key of `ENDINGS`, or "dicom" for a folder.
        """
        name = self.default_name("nifti" if format_ == "dicom" else format_)
        ending = "-dicom" if format_ == "dicom" else ENDINGS[format_]
        stem = name.removesuffix(ENDINGS["nifti" if format_ == "dicom" else format_])
        names = [f"{stem}{ending}", *(f"{stem}-{n}{ending}" for n in range(2, 1000))]
        return next(path for path in (Path(folder) / name for name in names) if not path.exists())

    def file(self, path: str | Path, done: Callable[[Path], None] = lambda path: None) -> None:
        """Write one file; its ending says what: .nii.gz (mask 0 and 1 on the CT's grid), .csv, .html, .pdf."""
        path = Path(path)
        format_ = next((name for name, ending in ENDINGS.items() if path.name.lower().endswith(ending)), None)
        if format_ is None:
            self._desk.host.failed(words.unknown_ending(", ".join(ENDINGS.values())))
            return

        def move(made: Path) -> None:
            shutil.move(made / MADE[format_], path)
            self._desk.host.said(words.exported(path.name))
            done(path)

        self._export(format_, move)

    def nifti(self, path: str | Path, done: Callable[[Path], None] = lambda path: None) -> None:
        """The mask, 0 and 1, on the CT's grid, as .nii.gz."""
        self.file(_with_ending(path, "nifti"), done)

    def table(self, path: str | Path, done: Callable[[Path], None] = lambda path: None) -> None:
        """The lesions' measures as .csv."""
        self.file(_with_ending(path, "csv"), done)

    def report(self, path: str | Path, done: Callable[[Path], None] = lambda path: None) -> None:
        """A report for printing: .html or .pdf."""
        path = Path(path)
        self.file(path if path.suffix.lower() in (".html", ".pdf") else _with_ending(path, "pdf"), done)

    def dicom(self, folder: str | Path, done: Callable[[list[Path]], None] = lambda files: None) -> None:
        """DICOM SEG and SR into a folder; refused where the CT was not loaded from DICOM. `done` gets the files."""
        folder = Path(folder)

        def move(made: Path) -> None:
            folder.mkdir(parents=True, exist_ok=True)
            files = [Path(shutil.move(made / name, folder / name)) for name in DICOM if (made / name).exists()]
            self._desk.host.said(words.exported(", ".join(DICOM)) if files else words.no_lesion_no_dicom())
            done(files)

        self._export("seg,sr", move)

    def result(self, done: Callable[[Path], None]) -> None:
        """The result's folder, as `segment` writes it. It goes with the next change: copy what you keep."""
        self._make(done)

    def _export(self, formats: str, move: Callable[[Path], None]) -> None:
        made = self._jobs.new_folder()

        def moved(_folder: Path) -> None:
            try:
                move(made)
            except OSError as error:
                self._desk.host.failed(words.not_written(error))
            finally:
                shutil.rmtree(made, ignore_errors=True)

        self._make(moved, formats, made)

    def _make(self, done, formats: str = "", to: Path | None = None) -> None:
        try:
            if self._desk.result is None:
                raise InputRefused(words.nothing_to_export())
            self._desk.settle()
            self.folder.make(self._desk.result, done, formats, to)
        except InputRefused as refusal:
            self._desk.host.failed(str(refusal))


def _with_ending(path: str | Path, format_: str) -> Path:
    path = Path(path)
    return path if path.name.lower().endswith(ENDINGS[format_]) else path.with_name(path.name + ENDINGS[format_])
