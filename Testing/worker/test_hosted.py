"""Programs that end with their host: on their own, and behind a launcher, which hands no signal on."""

import os
import subprocess
import sys
import time

import pytest
from launcher import make_launcher
from made_worker import alive, environment

from LungTumorSegLib.worker.child import Child
from LungTumorSegLib.worker.hosted import PATIENCE
from LungTumorSegLib.worker.launch import hosted, worker_command

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals, and launchers that are shell scripts")

WORK = """
import os, signal, sys, time
sys.stdin.read()
{how}
print(os.getpid(), *sys.argv, flush=True)
time.sleep(60)
"""
HOWS = {
    "heeds Ctrl-C": "signal.signal(signal.SIGINT, lambda *_: sys.exit('tidied up'))",
    "knows no Ctrl-C": "",
    "is deaf to Ctrl-C": "signal.signal(signal.SIGINT, signal.SIG_IGN)",
}


class Heard:
    said, complaints, code = b"", b"", "not yet"

    def heard(self, data: bytes) -> None:
        self.said += data

    def complained(self, data: bytes) -> None:
        self.complaints += data

    def ended(self, exit_code: int | None, why: str) -> None:
        self.code = exit_code


@pytest.fixture(params=["alone", "behind a launcher"])
def python(request, tmp_path):
    return sys.executable if request.param == "alone" else str(make_launcher(tmp_path / "PythonSlicer"))


@pytest.fixture
def begin(python, tmp_path):
    """Starts a program that works for a minute; what is heard of it, and its process id when it is at work."""
    children = []

    def begin(how):
        (tmp_path / "work.py").write_text(WORK.format(how=HOWS[how]))
        surroundings = worker_command().environment
        surroundings["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
        child, heard = Child(), Heard()
        children.append(child)
        child.start([*hosted(python, "work"), "a", "-b"], surroundings, heard)
        assert until(child, lambda: b"\n" in heard.said), heard.complaints
        pid, _file, *arguments = heard.said.decode().split()
        assert arguments == ["a", "-b"]
        return child, heard, int(pid)

    yield begin
    for child in children:
        child.close()


def until(child, condition, seconds=30.0):
    """True if it came to hold."""
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        child.deliver(0.02)
    return condition()


def test_a_program_whose_stdin_closes_hears_ctrl_c_and_may_tidy_up(begin):
    child, heard, pid = begin("heeds Ctrl-C")
    child.close_stdin()
    assert until(child, lambda: heard.code != "not yet")
    assert (heard.code, heard.complaints.strip()) == (1, b"tidied up")
    assert not alive(pid)


def test_a_program_that_knows_no_ctrl_c_is_cancelled(begin):
    child, heard, pid = begin("knows no Ctrl-C")
    child.close_stdin()
    assert until(child, lambda: heard.code != "not yet")
    assert (heard.code, heard.complaints) == (130, b"")
    assert not alive(pid)


def test_a_deaf_program_is_ended_before_its_host_loses_patience(begin):
    from LungTumorSegLib.workstation import job

    child, heard, pid = begin("is deaf to Ctrl-C")
    closed = time.monotonic()
    child.close_stdin()
    assert until(child, lambda: heard.code != "not yet")
    assert heard.code == 130
    assert time.monotonic() - closed >= PATIENCE
    assert job.PATIENCE > PATIENCE
    assert not alive(pid)


def test_a_killed_program_is_gone_also_behind_its_launcher(begin):
    child, _heard, pid = begin("is deaf to Ctrl-C")
    child.kill()
    assert until(child, lambda: not alive(pid), PATIENCE + 2)


HOST = """
import sys, time
from LungTumorSegLib.worker.child import Child
from LungTumorSegLib.worker.launch import hosted, worker_command

class Listener:
    def heard(self, data):
        print(data.decode(), end="", flush=True)
    complained = heard

child, surroundings = Child(), worker_command().environment
surroundings["PYTHONPATH"] = sys.argv[2]
child.start(hosted(sys.argv[1], "work"), surroundings, Listener())
while True:
    child.deliver(0.1)
"""


def test_a_killed_host_leaves_no_program(python, tmp_path):
    (tmp_path / "work.py").write_text(WORK.format(how=HOWS["is deaf to Ctrl-C"]))
    path = f"{environment()['PYTHONPATH']}{os.pathsep}{tmp_path}"
    with subprocess.Popen(
        [sys.executable, "-c", HOST, python, path], stdout=subprocess.PIPE, text=True, env=environment()
    ) as host:
        pid = int(host.stdout.readline().split()[0])
        assert alive(pid)
        host.kill()
    gone = time.monotonic() + PATIENCE + 2
    while alive(pid) and time.monotonic() < gone:
        time.sleep(0.05)
    assert not alive(pid)


def test_the_command_line_itself_does_its_work_with_an_empty_stdin(tmp_path):
    command = [sys.executable, "-m", "LungTumorSegLib.command", "models", "--registry", str(tmp_path)]
    subprocess.run(command, stdin=subprocess.DEVNULL, env=environment(), timeout=120, check=True)
