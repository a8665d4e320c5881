"""The result in the formats of others, as downloads. What the formats hold, `workstation.exporting` knows."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from LungTumorSegLib.web.files import Files
from LungTumorSegLib.web.scene_bundle import bundling
from LungTumorSegLib.workstation import words
from LungTumorSegLib.workstation.exporting import Exporting
from LungTumorSegLib.workstation.jobs import Jobs

ENDINGS = {"nifti": "nifti", "csv": "csv", "report": "pdf"}  # button -> format


class Exports:
    """
    Parameters
    ----------
    download : called with the address of a file that is ready
    scene : vtkMRMLScene
    jobs : go on with what is written in steps
    failed : called with a sentence
    """

    def __init__(
        self,
        exporting: Exporting,
        files: Files,
        download: Callable[[str], None],
        scene,
        jobs: Jobs,
        failed: Callable[[str], None],
    ):
        self._exporting, self._files, self._download = exporting, files, download
        self._scene, self._jobs, self._failed = scene, jobs, failed

    def start(self, what: str) -> None:
        """what : a key of `export_tab.FORMATS`."""
        try:
            self._make(what)
        except OSError as error:
            self._failed(words.not_written(error))

    def _make(self, what: str) -> None:
        folder = self._files.new_folder("export")
        if what == "dicom":
            self._exporting.dicom(folder, lambda made: self._zip(folder, made))
        elif what == "scene":
            name = self._exporting.default_name("nifti").removesuffix(".nii.gz") + ".mrb"
            self._jobs.write(bundling(self._scene, folder / name), lambda: self._offer(folder / name), self._failed)
        else:
            self._exporting.file(folder / self._exporting.default_name(ENDINGS[what]), self._offer)

    def _zip(self, folder: Path, made: list[Path]) -> None:
        if made:
            packed = folder / (self._exporting.default_name("nifti").removesuffix(".nii.gz") + "-dicom.zip")
            with zipfile.ZipFile(packed, "w") as file:
                for one in made:
                    file.write(one, one.name)
            self._offer(packed)

    def _offer(self, file: Path) -> None:
        self._download(self._files.offer(file, file.name))
