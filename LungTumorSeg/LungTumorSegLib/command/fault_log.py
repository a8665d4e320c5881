"""Where the traceback of a fault goes: a file of the user's own, never the terminal."""

from __future__ import annotations

import logging
import traceback
from pathlib import Path

from LungTumorSegLib.worker.log import log_folder

LOG = "command.log"


def log_to_file() -> None:
    """Send what the worker's host side logs to the same file, which is made when there is something to say."""
    folder = log_folder()
    folder.mkdir(parents=True, exist_ok=True)
    log = logging.getLogger("LungTumorSegLib")
    log.addHandler(logging.FileHandler(folder / LOG, delay=True))
    log.propagate = False


def log_fault(fault: Exception) -> Path:
    """Append the traceback to the command line's log and answer where that is.

    The frames alone are written, without the exception's text: it may hold a path, and a path a patient's name.
    """
    log = log_folder() / LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write(f"{type(fault).__name__}\n" + "".join(traceback.format_tb(fault.__traceback__)) + "\n")
    return log
