"""The scene as one file for 3D Slicer (.mrb): a zip of the scene and the files that it names."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from LungTumorSegLib.web.scene_files import SceneFiles

LEVEL = 1  # of zip's 1 to 9: the others take three times as long for a tenth less


def bundling(scene, file: Path) -> Iterator[float]:
    """Write the scene (vtkMRMLScene) into the file, in steps none of which takes long; yields what share is done.

    Raises OSError (disk full), and leaves nothing then.
    """
    folder = file.with_suffix("")
    folder.mkdir()
    files, packer = SceneFiles(scene, folder), ThreadPoolExecutor(1)
    try:
        for _ in files.writing(folder / f"{file.stem}.mrml"):
            yield 0.3
        packed = packer.submit(_pack, folder, file)
        while not packed.done():
            yield 0.7
        packed.result()
    except OSError:
        file.unlink(missing_ok=True)
        raise
    finally:
        files.close()
        packer.shutdown(wait=False)  # where it is cancelled
        shutil.rmtree(folder, ignore_errors=True)


def _pack(folder: Path, file: Path) -> None:
    """In a thread. The scene first: whoever looks for it need not go through the rest."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL) as packed:
        for one in sorted(folder.iterdir(), key=lambda one: (one.suffix != ".mrml", one.name)):
            packed.write(one, f"{folder.name}/{one.name}")
