"""The panel with a worker that pretends and jobs that are real."""

import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parents[1] / "LungTumorSeg")}
TASKS = {"automatic": "automatic", "slow": "automatic", "prompted": "prompted"}


def pretend(patch):
    """patch : pytest's. Returns the panel's Python module."""
    from LungTumorSegLib.desktop import panel
    from LungTumorSegLib.worker.launch import Launch, job_command

    launch = Launch([sys.executable, str(HERE / "pretend_worker.py")], ENVIRONMENT)
    patch.setattr(panel, "worker_launch", lambda: launch)
    patch.setattr(panel, "job_launch", lambda: job_command(python=sys.executable))
    return panel


def pretend_models(patch, panel) -> None:
    """Those that the worker pretends to have; "slow" takes its time."""
    from LungTumorSegLib.workstation.models import BUNDLED, Model

    models = [Model(name, task, 0.4, BUNDLED, Path(), 0) for name, task in TASKS.items()]
    patch.setattr(panel.models, "list_models", lambda: models)
