"""Files that belong together are never mixed with those of another time, whatever moment the program is killed at."""

import os
import random
import signal
import tempfile
import time
from pathlib import Path

import pytest

from LungTumorSegLib.command import cohort
from LungTumorSegLib.command.staging import staged
from LungTumorSegLib.errors import InputRefused

NAMES = ("a.nii.gz", "lesions.json", "run.json", "z.nii.gz")


def write(folder, number: int, gone=()) -> None:
    with staged(folder, last="run.json", gone=gone) as staging:
        for name in NAMES:
            (staging / name).write_text(str(number))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("redone", [False, True])
def test_a_folder_with_its_last_file_is_whole_after_kill_9(tmp_path, redone):
    whole = 0
    for seed in range(40):
        folder = tmp_path / str(seed)
        if redone:
            write(folder, 0)
        child = os.fork()
        if child == 0:
            for number in range(1, 10_000):
                write(folder if redone else tmp_path / f"{seed}-{number}", number)
            os._exit(0)
        time.sleep(random.Random(seed).random() * 0.02)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        for found in tmp_path.glob(f"{seed}*"):
            if not redone or (found / "run.json").exists():
                assert len({(found / name).read_text() for name in NAMES}) == 1
                whole += 1
    assert whole > 10


def test_a_new_folder_has_the_permissions_of_any_other(tmp_path):
    write(tmp_path / "results", 1)
    (tmp_path / "other").mkdir()
    assert (tmp_path / "results").stat().st_mode == (tmp_path / "other").stat().st_mode


def test_what_the_user_put_there_stays(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "notes.txt").write_text("mine")
    write(tmp_path / "results", 1)
    assert {path.name for path in (tmp_path / "results").iterdir()} == {*NAMES, "notes.txt"}


def test_what_the_new_files_contradict_goes_when_they_come_and_stays_where_they_do_not(tmp_path):
    for name in ("old", "mine"):
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out" / name).touch()
    with pytest.raises(KeyError), staged(tmp_path / "out", gone=["old", "never there"]):
        raise KeyError
    assert (tmp_path / "out" / "old").exists()
    with staged(tmp_path / "out", gone=["old", "never there"]) as staging:
        (staging / "new").touch()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"mine", "new"}


@pytest.fixture
def other_disk(tmp_path):
    shared = Path("/dev/shm")
    if not shared.is_dir() or shared.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("needs /dev/shm on another file system than the tests' own folder")
    with tempfile.TemporaryDirectory(dir=shared) as folder:
        yield Path(folder)


def test_a_folder_that_lies_on_another_disk_gets_its_new_files_and_nothing_beside(tmp_path, other_disk):
    (tmp_path / "results").symlink_to(other_disk)
    (other_disk / "notes.txt").write_text("mine")
    for number in (0, 1):
        write(tmp_path / "results", number)
        assert {(other_disk / name).read_text() for name in NAMES} == {str(number)}
    assert {path.name for path in other_disk.iterdir()} == {*NAMES, "notes.txt"}
    assert [path.name for path in tmp_path.iterdir()] == ["results"]


def test_a_link_to_a_folder_that_is_yet_to_be_made_stays_a_link(tmp_path, other_disk):
    (tmp_path / "results").symlink_to(other_disk / "new")
    write(tmp_path / "results", 1)
    assert (tmp_path / "results").is_symlink()
    assert {path.name for path in (other_disk / "new").iterdir()} == set(NAMES)


def test_the_folder_around_one_that_is_there_need_not_be_writable(tmp_path, monkeypatch):
    """As for a user; root, whom the tests may be, can write anywhere, so the folder around is closed by hand."""
    write(tmp_path / "results", 0)
    made = tempfile.mkdtemp

    def closed(**where):
        if Path(where["dir"]) == tmp_path:
            raise PermissionError(13, "Permission denied")
        return made(**where)

    monkeypatch.setattr(tempfile, "mkdtemp", closed)
    write(tmp_path / "results", 1)
    assert (tmp_path / "results" / "run.json").read_text() == "1"
    with pytest.raises(InputRefused, match="Permission denied"):
        write(tmp_path / "new", 1)


@pytest.mark.parametrize("name", ["a.nii.gz", "run.json", "old"])
def test_nothing_goes_where_a_folder_is_in_a_files_place(tmp_path, name):
    folder = tmp_path / "results"
    write(folder, 0)
    (folder / "old").touch()
    (folder / name).unlink()
    (folder / name).mkdir()
    before = sorted(folder.rglob("*"))
    with pytest.raises(InputRefused, match=f"{name} is a folder"):
        write(folder, 1, gone=["old"])
    assert sorted(folder.rglob("*")) == before
    assert {path.read_text() for path in folder.glob("*.*") if path.is_file()} == {"0"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_what_a_killed_process_left_in_or_beside_a_folder_is_swept_when_it_is_old(tmp_path):
    there, new = tmp_path / "there", tmp_path / "new"
    there.mkdir()
    for folder in (there, new):
        child = os.fork()
        if child == 0:
            with staged(folder):
                os.kill(os.getpid(), signal.SIGKILL)
        os.waitpid(child, 0)
    left = [next(there.glob(".there-*")), next(tmp_path.glob(".new-*"))]
    for folder in (there, new):
        cohort.sweep(folder)
    assert all(path.exists() for path in left)
    for path in left:
        os.utime(path, (0, 0))
    for folder in (there, new):
        cohort.sweep(folder)
    assert not any(path.exists() for path in left)
