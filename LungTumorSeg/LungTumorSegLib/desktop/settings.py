"""Which Python runs the worker."""

from __future__ import annotations

import shutil

import slicer

from LungTumorSegLib.worker.launch import Launch, worker_command

KEY = "LungTumorSeg/WorkerPython"


def worker_launch() -> Launch:
    """The command of the worker and its environment.

    The application setting `LungTumorSeg/WorkerPython` comes first, then the variable LUNGTUMORSEG_PYTHON, then the
    `PythonSlicer` that Slicer's launcher puts on PATH (where it is missing, starting it fails and its name is told).
    The environment is the one in which Slicer was started: PythonSlicer adds Slicer's own, another Python must not
    see it.
    """
    own = shutil.which("PythonSlicer") or "PythonSlicer"
    chosen = slicer.util.settingsValue(KEY, "")
    return worker_command(chosen, python=own, environment=slicer.util.startupEnvironment())
