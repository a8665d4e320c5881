"""The user's own models: those that were promoted, which of them each name means now, and the way back.

A folder with a folder a model, never changed once written, and `current.json`, which is replaced as a whole:

    {"version": 1,
     "models": {"site-prompted": ["site-prompted-1", "site-prompted-2"]},   the last one is what the name means
     "history": [{"when": ..., "what": "promoted", "name": ..., "model": ..., "instead_of": ..., "report": ...}]}

Loads no torch and nothing else that takes time.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from LungTumorSegLib.errors import InputRefused

VARIABLE = "LUNGTUMORSEG_MODELS"
CURRENT, LOCK, REPORTS = "current.json", "current.lock", "reports"
VERSION = 1
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,55}")  # a version's number comes behind it
PROMOTED, ROLLED_BACK = "promoted", "rolled back"
LARGEST_BYTES = 4 << 20
LOCKED_AT_MOST = 60.0  # seconds: far longer than a switch takes


def registry_folder() -> Path:
    """`LUNGTUMORSEG_MODELS`, or the user's folder for programs' data. It may not exist yet."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen)
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA", Path.home())) / "lungtumorseg" / "models"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "lungtumorseg" / "models"
    return Path(os.environ.get("XDG_DATA_HOME", Path.home() / ".local" / "share")) / "lungtumorseg" / "models"


def folder_of(name: str, registry: Path | None = None) -> Path | None:
    """Where the model of a name lies: a name in use, or one of its versions; None for any other.

    `InputRefused` where the registry cannot be read.
    """
    registry = registry or registry_folder()
    models = read_state(registry)["models"]
    versions = {version: version for all_ in models.values() for version in all_}
    found = versions.get(name) or (models[name][-1] if models.get(name) else None)
    return registry / found if found else None


def names_in_use(registry: Path | None = None) -> dict[str, str]:
    """Name -> the version that it means."""
    return {name: versions[-1] for name, versions in read_state(registry or registry_folder())["models"].items()}


def read_state(registry: Path) -> dict:
    """What `current.json` says; an empty state where there is none."""
    try:
        with (registry / CURRENT).open(encoding="utf-8") as file:
            state = json.loads(file.read(LARGEST_BYTES))
        names = state["models"].items()
        right = state["version"] == VERSION and isinstance(state["history"], list)
        right = right and all(NAME.fullmatch(name) and versions for name, versions in names)
        right = right and all(re.fullmatch(rf"{re.escape(n)}-\d+", version) for n, all_ in names for version in all_)
    except FileNotFoundError:
        return {"version": VERSION, "models": {}, "history": []}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        right = False
    if not right:
        raise InputRefused(f"{CURRENT} in the folder of your models cannot be read: mend it, or take it away")
    return state


def put_in(registry: Path, name: str, fill: Callable[[Path, str], None], report: str) -> str:
    """Store a new version and let the name mean it, in one step; returns the version's name.

    fill : writes the model's files into the empty folder it is given, with the version's name on the card; the folder
    is then moved into place. Whatever stops it leaves the registry as it was.
    """
    if not NAME.fullmatch(name):
        raise InputRefused(f"{name[:60]!r} cannot name a model: use letters, digits, dots, dashes or underscores")
    try:
        registry.mkdir(parents=True, exist_ok=True)
        with locked(registry):
            state = read_state(registry)
            if owner := next((other for other, versions in state["models"].items() if name in versions), None):
                raise InputRefused(f"{name} is a version of {owner}: give the model another name")
            taken = [0, *numbers({path.name for path in registry.iterdir()} | state["models"].keys(), name)]
            version = f"{name}-{1 + max(taken)}"
            unfinished = Path(tempfile.mkdtemp(prefix=f".{version}-", dir=registry))
            try:
                fill(unfinished, version)
                unfinished.chmod(0o755)  # mkdtemp's own is private
                os.rename(unfinished, registry / version)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
            versions = state["models"].setdefault(name, [])
            note(state, PROMOTED, name, version, versions[-1] if versions else None, report)
            versions.append(version)
            switch(registry, state)
    except OSError as error:
        raise InputRefused(f"cannot write to the folder of your models: {error.strerror}") from None
    return version


def roll_back(registry: Path, name: str) -> tuple[str, str | None]:
    """Let the name mean the version before; returns the one that it meant and the one that it means now (None: there
    was none before, the name is gone). The models themselves stay."""
    try:
        with locked(registry):
            state = read_state(registry)
            if name not in state["models"]:
                raise InputRefused(f"nothing is promoted as {name[:60]!r}: `lungtumorseg models` lists what is")
            versions = state["models"][name]
            left = versions.pop()
            if not versions:
                del state["models"][name]
            now = versions[-1] if versions else None
            note(state, ROLLED_BACK, name, now, left, None)
            switch(registry, state)
    except OSError as error:
        raise InputRefused(f"cannot write to the folder of your models: {error.strerror}") from None
    return left, now


def numbers(taken: Iterable[str], name: str) -> Iterator[int]:
    """Of the versions that are taken: those that lie there, rolled back or not, and models called like one."""
    for each in taken:
        if found := re.fullmatch(rf"{re.escape(name)}-(\d+)", each):
            yield int(found[1])


def note(state: dict, what: str, name: str, model: str | None, instead_of: str | None, report: str | None) -> None:
    when = datetime.now(UTC).isoformat(timespec="seconds")
    entry = {"when": when, "what": what, "name": name, "model": model, "instead_of": instead_of, "report": report}
    state["history"].append(entry)


def switch(registry: Path, state: dict) -> None:
    """Replace `current.json`: whoever reads it sees the old state or the new one."""
    descriptor, unfinished = tempfile.mkstemp(prefix=f".{CURRENT}-", dir=registry)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(json.dumps(state, indent=2) + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.chmod(unfinished, 0o644)
    os.replace(unfinished, registry / CURRENT)


@contextmanager
def locked(registry: Path) -> Iterator[None]:
    """One process at a time; a lock that a killed one left counts for a minute."""
    lock = registry / LOCK
    try:
        if time.time() - lock.stat().st_mtime > LOCKED_AT_MOST:
            lock.unlink(missing_ok=True)
    except OSError:
        pass
    try:
        lock.touch(exist_ok=False)
    except FileExistsError:
        raise InputRefused("another promotion is under way: try again in a minute") from None
    except FileNotFoundError:
        raise InputRefused("nothing is promoted: there is no folder of your models yet") from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
