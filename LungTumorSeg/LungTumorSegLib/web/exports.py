"""The result in the formats of others, as downloads. What the formats hold, `workstation.exporting` knows."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from LungTumorSegLib.web.files import Files
from LungTumorSegLib.workstation import words
from LungTumorSegLib.workstation.exporting import Exporting

ENDINGS = {"nifti": "nifti", "csv": "csv", "report": "pdf"}  # button -> format


class Exports:
    """
    Parameters
    ----------
    download : called with the address of a file that is ready
    save_scene : writes the scene to a path (.mrb); False where it could not
    failed : called with a sentence
    """

    def __init__(
        self,
        exporting: Exporting,
        files: Files,
        download: Callable[[str], None],
        save_scene: Callable[[Path], bool],
        failed: Callable[[str], None],
    ):
        self._exporting, self._files, self._download = exporting, files, download
        self._save_scene, self._failed = save_scene, failed

    def start(self, what: str) -> None:
        """what : a key of `export_tab.FORMATS`."""
        try:
            self._make(what)
        except OSError as error:
            self._failed(words.not_written(error.strerror or str(error)))

    def _make(self, what: str) -> None:
        folder = self._files.new_folder("export")
        if what == "dicom":
            self._exporting.dicom(folder, lambda made: self._zip(folder, made))
        elif what == "scene":
            name = self._exporting.default_name("nifti").removesuffix(".nii.gz") + ".mrb"
            if not self._save_scene(folder / name):
                raise OSError("the scene could not be packed")
            self._offer(folder / name)
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
