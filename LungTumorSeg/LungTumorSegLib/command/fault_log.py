"""Where the traceback of a fault goes: a file of the user's own, never the terminal. Nothing fails for want of it."""

from __future__ import annotations

import logging
import os
import traceback
from pathlib import Path

from LungTumorSegLib.worker.log import log_folder

LOG = "command.log"


def log_to_file() -> None:
    """Send what the worker's host side logs to the same file."""
    log = logging.getLogger("LungTumorSegLib")
    log.addHandler(log_handler())
    log.propagate = False


def log_handler() -> logging.Handler:
    """To the command line's log, which is made when there is something to say; to nowhere where it cannot be written,
    as for a user without a home."""
    try:
        log = _log_file()
        return logging.FileHandler(log, delay=True) if _writable(log) else logging.NullHandler()
    except OSError:
        return logging.NullHandler()


def log_fault(fault: Exception) -> Path | None:
    """Append the traceback to the command line's log and answer where that is; None where it cannot be written.

    The frames alone are written, without the exception's text: it may hold a path, and a path a patient's name.
    """
    try:
        log = _log_file()
        with log.open("a") as file:
            file.write(f"{type(fault).__name__}\n" + "".join(traceback.format_tb(fault.__traceback__)) + "\n")
    except OSError:
        return None
    return log


def details_in(log: Path | str | None) -> str:
    """For the end of a line."""
    return "no log could be written" if log is None else f"details are in {log}"


def _log_file() -> Path:
    """Its folder is made. Raises OSError."""
    folder = log_folder()
    folder.mkdir(parents=True, exist_ok=True)
    return folder / LOG


def _writable(log: Path) -> bool:
    return os.access(log if log.exists() else log.parent, os.W_OK)
