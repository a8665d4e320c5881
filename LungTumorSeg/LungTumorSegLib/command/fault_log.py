"""Where the traceback of a fault goes: a file of the user's own, never the terminal."""

from __future__ import annotations

import traceback
from pathlib import Path


def log_fault(fault: Exception) -> Path:
    """Append the traceback to the command line's log and answer where that is.

    The frames alone are written, without the exception's text: it may hold a path, and a path a patient's name.
    """
    from LungTumorSegLib.worker.log import log_folder

    log = log_folder() / "command.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as file:
        file.write(f"{type(fault).__name__}\n" + "".join(traceback.format_tb(fault.__traceback__)) + "\n")
    return log
