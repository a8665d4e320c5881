"""The folders that the user named in the Train tab, kept for the next start."""

from __future__ import annotations

import json
import logging
from pathlib import Path

log = logging.getLogger(__name__)


class NamedFolders:
    """By field, as typed; empty where none was named.

    Parameters
    ----------
    file : JSON where they are kept. One that is damaged counts as none: nothing but two names is lost.
    """

    def __init__(self, file: Path):
        self._file = file
        try:
            kept = json.loads(file.read_text())
            self._names = {str(field): str(name) for field, name in kept.items()}
        except (OSError, ValueError, AttributeError):
            self._names = {}

    def __getitem__(self, field: str) -> str:
        return self._names.get(field, "")

    def __setitem__(self, field: str, name: str) -> None:
        if name == self[field]:
            return
        self._names[field] = name
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(self._names))
        except OSError as error:
            log.warning("the folders of the Train tab are not kept: %s", error.strerror or error)
