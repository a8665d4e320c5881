"""A PythonSlicer that is not one: an empty Python with pretended `slicer.packaging` and PyTorchUtils. They write down
what was asked of them and leave the metadata that a package leaves; nothing is downloaded. Never part of the product.
"""

import os
import sys
import sysconfig
import venv
from pathlib import Path

from launcher import make_launcher

REPOSITORY = Path(__file__).resolve().parents[2]

PACKAGING = """
import subprocess, sys, sysconfig
from pathlib import Path
from packaging.requirements import Requirement

FOLDER = Path(sysconfig.get_path("purelib"))

def load_requirements(path):
    lines = [line.strip() for line in Path(path).read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]

def leave(name, version):
    folder = FOLDER / f"{name.replace('-', '_')}-{version}.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\\nName: {name}\\nVersion: {version}\\n")

def pip_ensure(requirements, requester=None):
    print("Collecting", *requirements)
    if (FOLDER / "slow").exists():
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        (FOLDER / "slow").write_text(str(child.pid))
        child.wait()
    for requirement in requirements:
        leave(requirement.name, next((s.version for s in requirement.specifier if s.operator == ">="), "1"))

def pip_uninstall(names):
    import shutil
    for name in names:
        for folder in FOLDER.glob(f"{name.replace('-', '_')}-*.dist-info"):
            shutil.rmtree(folder)
"""

PYTORCH_UTILS = """
import qt
import slicer.packaging

class PyTorchUtilsLogic:
    def installTorch(self, askConfirmation=False, forceComputationBackend=None, torchVersionRequirement=None):
        assert not askConfirmation
        print("Installing torch" + torchVersionRequirement)
        slicer.packaging.leave("torch", "2.13.0")
"""


def make(folder: Path) -> Path:
    """The program PythonSlicer in the folder, a launcher as the real one; `slicer` is pretended, `packaging` the real
    one."""
    import packaging

    venv.create(folder / "python", with_pip=False, symlinks=True)
    python = folder / "python" / "bin" / "python"
    packages = folder / "python" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}" / "site-packages"
    (packages / "slicer").mkdir()
    (packages / "slicer" / "__init__.py").write_text("")
    (packages / "slicer" / "packaging.py").write_text(PACKAGING)
    (packages / "packaging").symlink_to(Path(packaging.__file__).parent)
    (folder / "PyTorchUtils.py").write_text(PYTORCH_UTILS)
    return make_launcher(folder / "bin" / "PythonSlicer", python)


def site_packages(folder: Path) -> Path:
    return Path(sysconfig.get_path("purelib", vars={"base": str(folder / "python")}))


def on_path(program: Path) -> str:
    return f"{program.parent}{os.pathsep}{os.environ['PATH']}"
