"""Where the worker writes what went wrong, and what it may write there: never a name, a path or a voxel."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from logging.handlers import RotatingFileHandler
from pathlib import Path


def log_folder() -> Path:
    """The user's folder for this program's logs. It may not exist yet. FileNotFoundError for a user without a home."""
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or _home()) / "lungtumorseg"
    if sys.platform == "darwin":
        return _home() / "Library" / "Logs" / "lungtumorseg"
    return Path(os.environ.get("XDG_STATE_HOME") or _home() / ".local" / "state") / "lungtumorseg"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a container's user that no list names
        raise FileNotFoundError("The user has no home folder.") from None


def open_log() -> logging.Logger:
    """The worker's log, ``worker.log`` in `log_folder`, at most 2 x 1 MB; stderr where that cannot be written."""
    try:
        log_folder().mkdir(parents=True, exist_ok=True)
        handler = RotatingFileHandler(log_folder() / "worker.log", maxBytes=1_000_000, backupCount=1, encoding="utf-8")
    except OSError:
        handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s [%(process)d] %(message)s"))
    log = logging.getLogger("lungtumorseg.worker")
    log.setLevel(logging.INFO)
    log.propagate = False
    log.addHandler(handler)
    return log


def account(error: BaseException) -> str:
    """The error's traceback, with those of its causes. A text that may name a file, and so a patient, is left out."""
    parts = []
    while error is not None:
        text = str(error)
        text = "(its text may name a file: left out)" if "/" in text or "\\" in text else text
        parts.append("".join(traceback.format_tb(error.__traceback__)) + f"{type(error).__name__}: {text}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\ncaused by\n".join(parts)
