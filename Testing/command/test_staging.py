"""Files that belong together are never mixed with those of another time, whatever moment the program is killed at."""

import os
import random
import signal
import time

import pytest

from LungTumorSegLib.command.staging import staged

NAMES = ("a.nii.gz", "lesions.json", "run.json", "z.nii.gz")


def write(folder, number: int) -> None:
    with staged(folder, last="run.json") as staging:
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
