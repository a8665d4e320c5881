"""``python -m LungTumorSegLib.worker.environment NAME...``: what this Python is and has, as one line of JSON.

Asked in a process of its own, so that nothing is imported where it is asked from. Loads no package: their metadata say
what is installed, and a driver's own program which card there is.
"""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, version

CARD_PATIENCE = 10.0  # seconds


def describe(names: list[str]) -> dict:
    """
    Returns
    -------
    dict
        "python": its version; "folder": where packages go; "free_bytes": room there; "packages": version by name, None
        where one is missing; "cards": the graphics cards that can compute, in words.
    """
    folder = sysconfig.get_path("purelib")
    return {
        "python": platform.python_version(),
        "folder": folder,
        "free_bytes": shutil.disk_usage(folder).free,
        "packages": {name: installed(name) for name in names},
        "cards": graphics_cards(),
    }


def installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def graphics_cards() -> list[str]:
    """ "NVIDIA H200, 143771 MiB", a card each; Apple's own processors compute, too."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return ["Apple"]
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    command = [program, "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        told = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=CARD_PATIENCE, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in told.stdout.splitlines() if line.strip()]


if __name__ == "__main__":
    print(json.dumps(describe(sys.argv[1:])))
