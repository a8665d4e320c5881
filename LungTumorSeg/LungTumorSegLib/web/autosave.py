"""The work of this session on disk, so that a closed tab, a crash or a switched-off machine does not lose it.

In the user's own folder for programs' data, readable by nobody else: FOLDER/current is written while the user rests,
FOLDER/kept is what the last process left and the page offers. Voxels go uncompressed into one file a node, and only
those of nodes that changed since, so that a save is short; the scene itself (scene.mrml) comes last and whole. Files
that it names are not written again: until a save has succeeded, the one before can be loaded.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from LungTumorSegLib.web.scene_files import SceneFiles

SCENE, FACTS, LOCK = "scene.mrml", "session.json", "lock"
UNFINISHED, UNFINISHED_FACTS = "unfinished.mrml", "unfinished.json"


class Autosave:
    """
    Parameters
    ----------
    scene : vtkMRMLScene
    folder : see above

    Attributes
    ----------
    why_not : why nothing is saved and nothing is offered: another process has the folder, or it cannot be written.
        Empty where all is well.
    """

    def __init__(self, scene, folder: Path):
        self._scene, self._folder = scene, folder
        self._lock: int | None = None
        self._count = 0  # of saves
        self._files = SceneFiles(scene, self._current)
        self.why_not = ""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = _lock(folder / LOCK)
            if self._lock is None:
                self.why_not = "another LungTumorSeg is open"
            elif (self._current / SCENE).exists():
                shutil.rmtree(self._kept, ignore_errors=True)
                self._current.rename(self._kept)
            else:
                shutil.rmtree(self._current, ignore_errors=True)
        except OSError as error:
            self.close()
            self.why_not = error.strerror or str(error)

    @property
    def _current(self) -> Path:
        return self._folder / "current"

    @property
    def _kept(self) -> Path:
        return self._folder / "kept"

    def offered(self) -> dict | None:
        """The facts that were saved with what the last process left; None where it left nothing."""
        if self._lock is None or not (self._kept / SCENE).exists():
            return None
        try:
            return dict(json.loads((self._kept / FACTS).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def continue_(self) -> bool:
        """Load what was kept into the scene, beside what is there."""
        self._scene.SetURL(str(self._kept / SCENE))
        return bool(self._scene.Import())

    def discard(self) -> None:
        """Remove what was kept."""
        shutil.rmtree(self._kept, ignore_errors=True)

    def save(self, facts: dict) -> Iterator[None]:
        """Save the scene as it is, in steps none of which takes long. `facts` can be given to JSON.

        Raises OSError (disk full); what was saved before is still there then.
        """
        if self._lock is None:
            return
        self._current.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._count += 1
        unfinished = self._current / UNFINISHED
        yield from self._files.writing(unfinished, f"-{self._count}")
        facts = facts | {"saved": time.strftime("%Y-%m-%d %H:%M")}
        (self._current / UNFINISHED_FACTS).write_text(json.dumps(facts), encoding="utf-8")
        os.replace(unfinished, self._current / SCENE)
        os.replace(self._current / UNFINISHED_FACTS, self._current / FACTS)
        self._remove_old()

    def close(self) -> None:
        self._files.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _remove_old(self) -> None:
        """Files of earlier saves that the scene names no more."""
        text = (self._current / SCENE).read_text(encoding="utf-8")
        wanted = {_stem(Path(name)) for name in re.findall(r'fileName="([^"]*)"', text)} | {
            _stem(Path(SCENE)),
            _stem(Path(FACTS)),
        }
        for path in self._current.iterdir():
            if path.is_file() and _stem(path) not in wanted:
                path.unlink(missing_ok=True)


def _stem(path: Path) -> str:
    """ "scene" of "scene.mrml", and of what VTK writes beside it, as "scene.schema.tsv"."""
    return path.name.partition(".")[0]


def _lock(file: Path) -> int | None:
    """A lock that goes with the process, or None where another has it."""
    handle = os.open(file, os.O_CREAT | os.O_RDWR, 0o600)
    if os.name == "nt":
        return handle
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle
