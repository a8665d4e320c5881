"""``PythonSlicer -m LungTumorSegLib.desktop.installing install|remove``: packages into or out of Slicer's Python.

A process of its own, so that Slicer's window lives on, torch is never imported in Slicer (the PyTorch extension imports
what it has installed), and stopping is one click: when stdin closes, this process ends with all its children. What it
prints is pip's output and a line "step: ..." before each step.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import os
import signal
import subprocess
import sys
import types

from LungTumorSegLib.worker.hosted import when_stdin_closes

REQUESTER = "Lung Tumor Segmentation"


def install(pytorch_utils: str | None, torch: str, files: list[str]) -> None:
    """
    Parameters
    ----------
    pytorch_utils : the PyTorch extension's file, where torch is to be installed; None where it is there
    torch : which versions will do, ">=2.10"
    files : requirements of the other packages
    """
    import slicer.packaging

    if pytorch_utils:
        print("step: PyTorch")
        pytorch_logic(pytorch_utils).installTorch(torchVersionRequirement=torch)
    for file in files:
        requirements = slicer.packaging.load_requirements(file)
        print("step: " + ", ".join(requirement.name for requirement in requirements))
        slicer.packaging.pip_ensure(requirements, requester=REQUESTER)


def remove(names: list[str]) -> None:
    import slicer.packaging

    print("step: " + ", ".join(names))
    slicer.packaging.pip_uninstall(names)


def pytorch_logic(file: str):
    """The extension's own logic. Its file imports Qt for a widget that is not made here; PythonSlicer has no Qt."""
    for name in ("qt", "ctk"):
        try:
            importlib.import_module(name)
        except ImportError:
            sys.modules[name] = types.ModuleType(name)
    spec = importlib.util.spec_from_file_location("PyTorchUtils", file)
    module = importlib.util.module_from_spec(spec)
    sys.modules["PyTorchUtils"] = module
    spec.loader.exec_module(module)
    return module.PyTorchUtilsLogic()


def end_with_host() -> None:
    """From now on: when stdin closes (the user stopped us, or Slicer is gone), end this process and its children."""
    if os.name != "nt":
        os.setsid()
    when_stdin_closes(end_all)


def end_all() -> None:
    if os.name == "nt":
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(os.getpid())], check=False, capture_output=True)
    else:
        os.killpg(0, signal.SIGKILL)


def main(arguments: list[str] | None = None) -> None:
    sys.stdout.reconfigure(line_buffering=True)  # into a pipe Python would write 8 KB at a time: the end, mostly
    parser = argparse.ArgumentParser(prog="installing")
    what = parser.add_subparsers(dest="what", required=True)
    installing = what.add_parser("install")
    installing.add_argument("--pytorch-utils")
    installing.add_argument("--torch", default="")
    installing.add_argument("files", nargs="*")
    removing = what.add_parser("remove")
    removing.add_argument("names", nargs="+")
    chosen = parser.parse_args(arguments)
    end_with_host()
    if chosen.what == "install":
        install(chosen.pytorch_utils, chosen.torch, chosen.files)
    else:
        remove(chosen.names)


if __name__ == "__main__":
    main()
