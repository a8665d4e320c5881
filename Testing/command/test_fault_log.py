"""The log of faults, and a user who has nowhere to keep one."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from LungTumorSegLib.command import main as command
from LungTumorSegLib.command.fault_log import LOG, details_in, log_fault, log_handler
from LungTumorSegLib.worker.log import log_folder

pytestmark = pytest.mark.skipif(not os.path.isdir("/proc"), reason="needs /proc, closed even to an administrator")
NO_HOME = {"HOME": "/proc/nohome", "XDG_STATE_HOME": "/proc/nohome/state", "XDG_CACHE_HOME": "/proc/nohome/cache"}


def raised() -> Exception:
    secret = "/data/DOE^JANE"
    try:
        raise ValueError(secret)
    except ValueError as fault:
        return fault


@pytest.fixture
def no_home(monkeypatch):
    for name, value in NO_HOME.items():
        monkeypatch.setenv(name, value)


def test_a_command_needs_no_home(lungtumorseg):
    done = lungtumorseg("phantom", "--help", **NO_HOME)
    assert done.returncode == 0
    assert done.stderr == ""


def test_a_refusal_is_one_line_without_a_home(lungtumorseg, tmp_path):
    done = lungtumorseg("measure", tmp_path / "missing.nii.gz", **NO_HOME)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_a_worker_starts_and_ends_without_a_home():
    program = Path(sys.executable).with_name("lungtumorseg")
    done = subprocess.run(
        [str(program), "worker"],
        input=b"",
        capture_output=True,
        check=False,
        timeout=300,
        env={**os.environ, **NO_HOME},
    )
    assert done.returncode == 0, done.stderr
    assert b"Traceback" not in done.stderr


def test_a_fault_without_a_log_says_that_there_is_none(no_home, monkeypatch, capsys):
    monkeypatch.setattr(command, "app", lambda: (_ for _ in ()).throw(ZeroDivisionError("secret")))
    with pytest.raises(SystemExit) as end:
        command.main()
    assert end.value.code == 1
    said = capsys.readouterr().err
    assert said.endswith(
        "this should not have happened (ZeroDivisionError); nothing was written; no log could be written\n"
    )
    assert "secret" not in said


def test_what_the_workers_host_logs_without_a_home_is_lost_and_harms_nothing(no_home, capsys):
    log = logging.Logger("a logger of its own")
    log.addHandler(log_handler())
    log.warning("gone")
    assert capsys.readouterr().err == ""


def test_a_user_whom_no_list_names_has_no_log(monkeypatch):
    def unknown(*_):
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", unknown)
    assert log_fault(raised()) is None
    assert isinstance(log_handler(), logging.NullHandler)


def test_a_log_holds_the_frames_and_no_words_and_is_made_when_there_is_something_to_say(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    log_handler()
    assert list(log_folder().iterdir()) == []
    log = log_fault(raised())
    assert log == log_folder() / LOG
    assert "in raised" in log.read_text()
    assert "DOE" not in log.read_text()
    assert details_in(log) == f"details are in {log}"
