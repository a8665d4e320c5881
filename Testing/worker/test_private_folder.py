"""A private folder goes with its process, however that ends."""

import subprocess
import sys

import pytest
from made_worker import environment

from LungTumorSegLib.worker.private_folder import PrivateFolder

NAME = "lungtumorseg-app-"
PROCESS = """
import sys, time
from pathlib import Path
from LungTumorSegLib.worker.private_folder import PrivateFolder
folder = PrivateFolder(sys.argv[1], Path(sys.argv[2]))
(folder.path / "drop-1").mkdir()
(folder.path / "drop-1" / "patient.dcm").write_bytes(b"voxels")
print(folder.path, flush=True)
time.sleep(60)
"""


@pytest.fixture
def start(tmp_path):
    """Starts processes that have a folder."""
    started = []

    def another():
        words = [sys.executable, "-c", PROCESS, NAME, str(tmp_path)]
        started.append(subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment()))
        assert started[-1].stdout.readline()
        return started[-1]

    yield another
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_it_is_private_and_gone_when_closed(tmp_path):
    folder = PrivateFolder(NAME, tmp_path)
    (folder.path / "patient.dcm").write_bytes(b"voxels")
    (outermost,) = tmp_path.iterdir()
    assert outermost.stat().st_mode & 0o777 == 0o700
    folder.close()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_removed_by_the_next_and_a_living_ones_stays(tmp_path, start):
    dead, _alive = start(), start()
    assert len(list(tmp_path.rglob("patient.dcm"))) == 2
    dead.kill()
    dead.wait()
    PrivateFolder(NAME, tmp_path).close()
    assert len(list(tmp_path.rglob("patient.dcm"))) == 1
    assert len(list(tmp_path.iterdir())) == 1


def test_nothing_that_is_not_ours_is_removed(tmp_path):
    for name in (f"{NAME}of-somebody", "another-thing"):
        (tmp_path / name / "files").mkdir(parents=True)
        (tmp_path / name / "files" / "thesis.tex").write_text("years of work")
    (tmp_path / "another-thing" / "host.lock").write_text("")
    (tmp_path / f"{NAME}link").symlink_to(tmp_path / "another-thing")
    (tmp_path / f"{NAME}file").write_text("a file")
    PrivateFolder(NAME, tmp_path).close()
    assert len(list(tmp_path.rglob("thesis.tex"))) == 2
    assert len(list(tmp_path.iterdir())) == 4
