"""Slicer's process never loads torch: importing the scene and desktop parts leaves the heavy libraries out."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("PySide6", reason="the desktop part is imported on the test host, which needs PySide6")

REPOSITORY = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "monai", "SimpleITK", "matplotlib", "lightning")

# The test host gives the desktop part its qt; what it loads itself is not looked at.
CODE = f"""
import importlib, pathlib, sys
package = pathlib.Path({str(REPOSITORY)!r}, "LungTumorSeg")
sys.path[:0] = [str(package), {str(REPOSITORY / "Testing" / "desktop")!r}]
import host
host.Host()
before = set(sys.modules)
for part in ("scene", "desktop"):
    for file in sorted(package.glob(f"LungTumorSegLib/{{part}}/*.py")):
        importlib.import_module(".".join(file.relative_to(package).with_suffix("").parts))
print(len(set(sys.modules) - before) > 20, sorted(set({HEAVY!r}) & set(sys.modules)))
"""


def test_importing_scene_and_desktop_loads_none_of_them():
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True, env=os.environ)
    assert run.stdout.strip().splitlines()[-1] == "True []"
