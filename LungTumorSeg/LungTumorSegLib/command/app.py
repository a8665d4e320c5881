"""`lungtumorseg app [CT]`: the workstation in a browser."""

from __future__ import annotations

import logging
import os
import sys
import traceback
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from LungTumorSegLib.command.fault_log import log_handler


def app(
    ct: Annotated[Path | None, typer.Argument(help="A CT to open: NIfTI, NRRD or MHA file, or DICOM folder.")] = None,
    port: Annotated[int, typer.Option(help="0: a free one.")] = 0,
    browser: Annotated[bool, typer.Option(help="Open the browser where there is one.")] = True,
) -> None:
    """Open the workstation in a browser on this machine. Ctrl-C ends it."""
    from LungTumorSegLib.web.app import App
    from LungTumorSegLib.worker.launch import worker_command

    def ready(address: str) -> None:
        print(f"LungTumorSeg is open at {address}\nCtrl-C ends it.", flush=True)
        if browser and has_browser():
            webbrowser.open(address)

    log_libraries()
    App(worker_command()).run(ready, port, ct)


def has_browser() -> bool:
    """There is a screen to open a window on; a text browser in a terminal is none."""
    return sys.platform in ("darwin", "win32") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def log_libraries() -> None:
    """What trame, aiohttp and asyncio complain of goes to the program's log, not to the terminal."""
    handler = log_handler()
    handler.setFormatter(FramesAlone())
    logging.getLogger().addHandler(handler)


class FramesAlone(logging.Formatter):
    """Who complained and where; no texts, for they may hold a path, and a path a patient's name."""

    def format(self, record: logging.LogRecord) -> str:
        kind, _error, frames = record.exc_info or (None, None, None)
        told = f"{kind.__name__}\n{''.join(traceback.format_tb(frames))}" if kind else ""
        return f"{record.levelname} from {record.name} {told}"
