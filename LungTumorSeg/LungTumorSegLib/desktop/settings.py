"""Which Python runs the worker."""

from __future__ import annotations

import shutil

import qt
import slicer

from LungTumorSegLib.worker.launch import Launch, job_command, worker_command

KEY = "LungTumorSeg/WorkerPython"


def worker_launch(setting: str | None = None) -> Launch:
    """The command of the worker and its environment.

    The application setting `LungTumorSeg/WorkerPython` comes first, then the variable LUNGTUMORSEG_PYTHON, then the
    `PythonSlicer` that Slicer's launcher puts on PATH (where it is missing, starting it fails and its name is told).
    The environment is the one in which Slicer was started: PythonSlicer adds Slicer's own, another Python must not
    see it.

    setting : a setting to try instead of the one that is kept.
    """
    chosen = worker_setting() if setting is None else setting
    return worker_command(chosen, python=own_python(), environment=slicer.util.startupEnvironment())


def job_launch() -> Launch:
    """The beginning of ``lungtumorseg ...`` by the same Python as the worker, see `worker.launch.job_command`."""
    return job_command(worker_setting(), python=own_python(), environment=slicer.util.startupEnvironment())


def own_python() -> str:
    """Slicer's own."""
    return shutil.which("PythonSlicer") or "PythonSlicer"


def worker_setting() -> str:
    """What the user chose; empty: nothing."""
    return slicer.util.settingsValue(KEY, "")


def keep_worker_setting(setting: str) -> None:
    if setting:
        qt.QSettings().setValue(KEY, setting)
    else:
        qt.QSettings().remove(KEY)
