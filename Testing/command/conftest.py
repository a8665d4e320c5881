import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import SimpleITK as sitk


@pytest.fixture(scope="session")
def lungtumorseg():
    """Runs the command as a person would, in a process of its own."""
    program = Path(sys.executable).with_name("lungtumorseg")

    def run(*arguments, **environment) -> subprocess.CompletedProcess:
        words = [str(program), *(str(a) for a in arguments)]
        variables = {**os.environ, **environment}
        return subprocess.run(words, check=False, capture_output=True, text=True, timeout=300, env=variables)

    return run


@pytest.fixture(scope="session")
def sample(lungtumorseg, tmp_path_factory) -> Path:
    """The sample CT and its truth."""
    folder = tmp_path_factory.mktemp("sample")
    assert lungtumorseg("phantom", folder).returncode == 0
    return folder


@pytest.fixture(scope="session")
def segmented(lungtumorseg, sample, tmp_path_factory) -> Path:
    """What `segment --explain` wrote for the sample CT."""
    folder = tmp_path_factory.mktemp("results") / "out"
    done = lungtumorseg("segment", sample / "ct.nii.gz", "-o", folder, "--explain")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="session")
def load():
    """A written map as array and image."""

    def image(path: Path):
        read = sitk.ReadImage(str(path))
        return sitk.GetArrayFromImage(read), read

    return image


@pytest.fixture(scope="session")
def read_json():
    return lambda path: json.loads(path.read_text())
