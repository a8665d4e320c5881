"""Which command starts the worker, or the command line as a job, and in what environment."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

PACKAGE_PARENT = Path(__file__).resolve().parents[2]
SETTING_VARIABLE = "LUNGTUMORSEG_PYTHON"


@dataclass(frozen=True)
class Launch:
    """How to start a worker. `inline`: it may run where our files are not, so arrays travel through the pipe."""

    command: list[str]
    environment: dict[str, str] | None = None
    inline: bool = False


def worker_command(
    setting: str | None = None, *, python: str | None = None, environment: Mapping[str, str] | None = None
) -> Launch:
    """The command behind a user's setting.

    Parameters
    ----------
    setting : path of a Python interpreter that has torch, or a whole command line such as
        ``ssh gpu lungtumorseg worker``. None or empty: the variable LUNGTUMORSEG_PYTHON, which may hold either, or else
        `python`.
    python : the interpreter to use where nobody set one; None for the one that runs this.
    environment : what the worker's environment is made from, None for this process's own.
    """
    base = os.environ if environment is None else environment
    chosen = (setting or base.get(SETTING_VARIABLE) or python or sys.executable).strip()
    # Python's own variables are the host's (Slicer sets PYTHONHOME), not for another interpreter.
    clean = {name: value for name, value in base.items() if not name.startswith("PYTHON")}
    words = [chosen] if Path(chosen).exists() else shlex.split(chosen, posix=os.name != "nt")
    if len(words) > 1:
        return Launch(words, clean, inline=True)
    # Safe path: a torch.py in the folder where the host was started is not torch.
    clean |= {"PYTHONPATH": str(PACKAGE_PARENT), "PYTHONSAFEPATH": "1"}
    return Launch([str(Path(words[0]).expanduser()), "-m", "LungTumorSegLib.worker.resident"], clean)


def job_command(
    setting: str | None = None, *, python: str | None = None, environment: Mapping[str, str] | None = None
) -> Launch:
    """The beginning of ``lungtumorseg ...`` as a child process, by the same Python as the worker; parameters as of
    `worker_command`.

    Where the setting is a whole command line (the worker runs on another machine, and our files are not there), the
    variable's or the host's own Python runs the job here.
    """
    launch = worker_command(setting, python=python, environment=environment)
    if launch.inline:
        base = dict(os.environ if environment is None else environment)
        base.pop(SETTING_VARIABLE, None)
        launch = worker_command(None, python=python, environment=base)
    return Launch(hosted(launch.command[0], "LungTumorSegLib.command"), launch.environment)


def hosted(python: str, module: str) -> list[str]:
    """The beginning of the command by which a module of ours runs until its stdin closes, see `worker.hosted`."""
    return [python, "-m", "LungTumorSegLib.worker.hosted", module]
