"""The real client and the real resident process; only the engine pretends."""

import _thread
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
from fuzzed_messages import FROM_HOST, as_bytes, spoilt
from launcher import make_launcher
from made_worker import FAKE_WORKER, alive, environment, fake_launch, folders_of, made_scan, process_of

from LungTumorSegLib.errors import Cancelled, InputRefused
from LungTumorSegLib.worker import messages
from LungTumorSegLib.worker.client import WorkerClient, WorkerFault
from LungTumorSegLib.worker.frames import Decoder, ProtocolError
from LungTumorSegLib.worker.launch import Launch, worker_command

pytestmark = pytest.mark.skipif(os.name == "nt", reason="signals")


def under_way(client, request) -> None:
    """Wait until the worker computes."""
    seen = []
    request._on_progress = lambda *progress: seen.append(progress)
    while len(seen) < 2:
        client.poll(0.05)
        assert not request.finished


@pytest.mark.parametrize("inline", [False, True], ids=["by file", "through the pipe"])
def test_scan_and_answer_arrive_whole(open_client, inline):
    client = open_client(fake_launch(inline))
    for seed, shape in enumerate([(3, 40, 50), (30, 200, 200), (2, 3, 4), (0, 5, 5)]):
        scan = made_scan(shape, seed)
        answer = client.wait(client.segment(scan, options={"threshold": 0.4}))
        np.testing.assert_array_equal(answer.box.values, scan.voxels)
        assert answer.box.values.dtype == np.float32
        assert answer.box.start == (1, 2, 3)
        assert answer.meta["options"] == {"threshold": 0.4}


@pytest.mark.parametrize("inline", [False, True], ids=["by file", "through the pipe"])
def test_all_images_of_a_case_arrive_also_when_the_worker_has_forgotten_them(open_client, inline):
    client = open_client(fake_launch(inline))
    for case in (0, 1, 2, 0):  # a worker keeps two cases
        images = [made_scan((30, 100, 100), 10 * case + n) for n in range(4)]
        wanted = sum(image.voxels.astype(np.float32) for image in images)
        answer = client.wait(client.segment(images[0], others=images[1:]))
        np.testing.assert_array_equal(answer.box.values, wanted)
        heat = client.wait(client.explain(images[0], others=images[1:]))
        np.testing.assert_array_equal(heat.box.values, wanted)
    alone = client.wait(client.segment(images[0]))
    np.testing.assert_array_equal(alone.box.values, images[0].voxels)


def test_prompt_and_explain_reach_the_engine(client, scan):
    prompted = client.wait(client.prompt(scan, "any", [np.array([1, 2, 3])], [(4, 5, 6)]))
    heat = client.wait(client.explain(scan, "any", lesion=((0, 0, 0), np.ones((2, 2, 2), bool))))
    assert [prompted.meta["work"], heat.meta["work"]] == ["Prompt", "Explain"]


def test_no_answer_leaves_a_file(client, scan):
    client.wait(client.segment(scan))
    (folder,) = folders_of(os.getpid())
    assert sorted(file.name for file in folder.iterdir()) == ["host.lock", "volume"]


def test_callbacks_come_on_the_thread_that_waits(client, scan):
    threads = []
    request = client.segment(
        scan,
        "slow-0.3",
        on_progress=lambda *_: threads.append(threading.get_ident()),
        on_done=lambda _: threads.append(threading.get_ident()),
    )
    client.wait(request)
    assert set(threads) == {threading.get_ident()}
    assert len(threads) > 2


def test_progress_rises_at_most_ten_times_a_second_and_knows_the_time_left(client, scan):
    heard = []
    client.wait(client.segment(scan, "slow-1.2", on_progress=lambda *progress: heard.append(progress)))
    fractions = [fraction for _, fraction, _ in heard]
    assert fractions == sorted(fractions)
    assert 3 <= len(heard) <= 14
    assert heard[0] == ("starting", 0.0, None)
    assert heard[-1][2] == pytest.approx(1.2 * (1 - fractions[-1]), abs=0.2)


def test_a_scan_that_the_worker_evicted_comes_back_by_itself(client):
    scans = [made_scan(seed=seed) for seed in range(4)]
    for scan in scans + scans:
        np.testing.assert_array_equal(client.wait(client.segment(scan)).box.values, scan.voxels)


def test_what_libraries_print_does_not_reach_the_protocol(client, scan, note):
    assert client.wait(client.segment(scan, "print")).meta
    note("a library prints (print, C write to fd 1)", "goes to stderr; the answer comes")


def test_a_refusal_is_one_line_and_the_worker_lives_on(client, scan):
    pid = client.wait(client.segment(scan)).meta["pid"]
    with pytest.raises(InputRefused, match=r"^this is no CT: choose another"):
        client.wait(client.segment(scan, "refuse"))
    assert client.wait(client.segment(scan)).meta["pid"] == pid


@pytest.mark.parametrize("behaviour", ["fault", "memory"])
def test_a_fault_of_the_engine_is_one_line_and_the_worker_lives_on(client, scan, behaviour, note):
    pid = client.wait(client.segment(scan)).meta["pid"]
    request = client.segment(scan, behaviour)
    with pytest.raises(WorkerFault):
        client.wait(request)
    assert "\n" not in request.failure.message
    assert client.wait(client.segment(scan)).meta["pid"] == pid
    note({"fault": "an exception in the engine", "memory": "out of memory"}[behaviour], request.failure.message)


@pytest.mark.parametrize("behaviour", ["crash", "exit", "garbage-4"])
def test_a_crash_is_an_ordinary_answer_and_the_next_request_works(client, scan, behaviour, note, caplog):
    request = client.segment(scan, behaviour)
    with pytest.raises(WorkerFault):
        client.wait(request)
    assert "\n" not in request.failure.message
    np.testing.assert_array_equal(client.wait(client.segment(scan)).box.values, scan.voxels)
    expected = {"crash": "in compute", "exit": "last words", "garbage-4": "Segmentation done!"}[behaviour]
    assert expected in caplog.text
    fault = {"crash": "segmentation fault", "exit": "the worker exits", "garbage-4": "garbage on the worker's stdout"}
    note(fault[behaviour], request.failure.message)


@pytest.mark.parametrize("inline", [False, True], ids=["by file", "through the pipe"])
def test_killed_at_ten_random_moments_the_next_request_works(open_client, inline, note):
    client, chance = open_client(fake_launch(inline)), random.Random(4)
    scan = made_scan((40, 256, 256))  # 5 MB there, 10 MB back
    outcomes = {"answered": 0, "failed": 0}
    client.wait(client.load("load"))
    began = time.monotonic()
    client.wait(client.segment(scan))
    took = time.monotonic() - began  # 0.06 s where nothing else runs
    for seed in range(10):
        other = made_scan((40, 256, 256), seed + 1)  # must travel each time
        np.testing.assert_array_equal(client.wait(client.segment(scan)).box.values, scan.voxels)
        victim, request = process_of(client), client.segment(other)
        killer = threading.Timer(chance.uniform(0, took), victim.kill)
        killer.start()
        try:
            np.testing.assert_array_equal(client.wait(request).box.values, other.voxels)
            outcomes["answered"] += 1
        except WorkerFault:
            outcomes["failed"] += 1
        killer.join()
        np.testing.assert_array_equal(client.wait(client.segment(other)).box.values, other.voxels)
    assert outcomes["failed"] > 0
    how = "through the pipe" if inline else "by file"
    told = ", ".join(f"{kind} {count}" for kind, count in outcomes.items())
    note(f"kill -9 at 10 random moments, scan {how}", f"{told}; the next request worked 10 of 10")


def test_a_stopped_worker_is_noticed_within_ten_seconds(client, scan, note):
    client.wait(client.segment(scan))
    request = client.segment(scan, "slow-60")
    under_way(client, request)
    stopped = time.monotonic()
    os.kill(process_of(client).pid, signal.SIGSTOP)
    with pytest.raises(WorkerFault, match="stopped answering"):
        client.wait(request)
    took = time.monotonic() - stopped
    assert 7 <= took <= 10
    np.testing.assert_array_equal(client.wait(client.segment(scan)).box.values, scan.voxels)
    note("hang (SIGSTOP while computing)", f"noticed after {took:.1f} s; {request.failure.message}")


def test_a_stopped_worker_is_noticed_while_a_scan_is_in_the_pipe(open_client):
    client, scan = open_client(fake_launch(inline=True), heartbeat_silence=1.5), made_scan((40, 256, 256))
    client.wait(client.load("load"))
    os.kill(process_of(client).pid, signal.SIGSTOP)
    with pytest.raises(WorkerFault, match="stopped answering"):
        client.wait(client.segment(scan))
    assert client.wait(client.segment(scan)).box.values.shape == scan.voxels.shape


def test_a_worker_that_hangs_with_pythons_lock_ends_also_behind_a_launcher(open_client, scan, tmp_path, note):
    launch = fake_launch()
    launcher = str(make_launcher(tmp_path / "PythonSlicer"))
    client = open_client(replace(launch, command=[launcher, *launch.command[1:]]), heartbeat_silence=2.0)
    worker = client.wait(client.segment(scan)).meta["pid"]
    with pytest.raises(WorkerFault, match="stopped answering"):
        client.wait(client.segment(scan, "hang-4"))
    assert alive(worker), "the launcher alone was killed"
    given_up = time.monotonic() + 10
    while alive(worker) and time.monotonic() < given_up:
        time.sleep(0.05)
    assert not alive(worker)
    note("hang with Python's lock held, behind a launcher", "the worker ends itself after 300 s")


def seconds_to_cancel(client, request) -> float:
    under_way(client, request)
    asked = time.monotonic()
    request.cancel()
    with pytest.raises(Cancelled):
        client.wait(request)
    return time.monotonic() - asked


def test_cancel_is_heard_within_a_second_and_the_worker_stays(client, scan, note):
    pid = client.wait(client.segment(scan)).meta["pid"]
    took = seconds_to_cancel(client, client.segment(scan, "slow-60"))
    assert took <= 1
    assert client.wait(client.segment(scan)).meta["pid"] == pid
    note("cancel, heard", f"after {took * 1000:.0f} ms; the worker stays warm")


def test_cancel_that_is_not_heard_ends_the_worker_within_three_seconds(client, scan, note):
    took = seconds_to_cancel(client, client.segment(scan, "deaf-60"))
    assert took <= 3
    assert client.wait(client.segment(scan)).meta
    note("cancel, not heard", f"worker killed after {took:.1f} s; a fresh one answers")


def test_control_c_in_wait_is_cancel(client, scan):
    request = client.segment(scan, "slow-60")
    under_way(client, request)
    threading.Timer(0.2, _thread.interrupt_main).start()
    with pytest.raises(Cancelled):
        client.wait(request)


def test_control_c_in_a_terminal_does_not_kill_the_worker(client, scan):
    pid = client.wait(client.segment(scan)).meta["pid"]
    os.kill(pid, signal.SIGINT)
    assert client.wait(client.segment(scan, "slow-0.2")).meta["pid"] == pid


HOST = """
from made_worker import *
import sys
scan = made_scan((40, 256, 256))
client = WorkerClient(fake_launch())
pid = client.wait(client.segment(scan)).meta["pid"]
print(pid, flush=True)
if sys.argv[1] == "deaf-60":
    client.segment(made_scan((40, 256, 256), 1), "deaf-60")
while True:
    client.poll(0.1)
"""


@pytest.mark.parametrize("doing", ["nothing", "deaf-60"])
def test_a_killed_host_leaves_no_worker_and_no_file_five_seconds_later(doing, note):
    host = subprocess.Popen([sys.executable, "-c", HOST, doing], stdout=subprocess.PIPE, text=True, env=environment())
    worker = int(host.stdout.readline())
    time.sleep(0.2)
    assert alive(worker)
    assert len(folders_of(host.pid)) == 1
    host.kill()
    killed = time.monotonic()
    while alive(worker) or folders_of(host.pid):
        assert time.monotonic() - killed < 5
        time.sleep(0.01)
    took = time.monotonic() - killed
    host.wait()
    host.stdout.close()
    note(f"host killed -9, worker {'computing' if doing == 'deaf-60' else 'idle'}", f"both gone after {took:.2f} s")


def test_garbage_on_its_stdin_ends_the_worker_in_one_line(state_folder, note):
    chance, worst, codes = random.Random(5), 0.0, []
    for _ in range(5):
        worker = subprocess.Popen(
            fake_launch().command,
            env=fake_launch().environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        began = time.monotonic()
        stream = b"".join(spoilt(as_bytes(chance.choice(FROM_HOST)), chance) for _ in range(2000))
        spoken, errors = worker.communicate(stream, timeout=10)
        worst = max(worst, time.monotonic() - began)
        last = [messages.decode(frame) for frame in Decoder().feed(spoken)][-1]
        codes.append(worker.returncode)
        assert errors == b""
        try:
            [messages.decode(frame) for frame in Decoder().feed(stream)]
        except ProtocolError:
            assert (worker.returncode, last.request, last.kind) == (1, 0, "fault")
        else:  # a spoilt length made the rest one unfinished frame: the pipe's end is the host's goodbye
            assert worker.returncode == 0
    assert 1 in codes
    note("5 x 2,000 spoilt frames on the worker's stdin", f"it says so in one line and ends; longest {worst:.1f} s")


def test_two_clients_at_once_do_not_know_of_each_other(open_client, scan, note):
    first, second, other = open_client(), open_client(), made_scan(seed=7)
    slow, crash = first.segment(scan, "slow-1"), second.segment(other, "crash")
    under_way(first, slow)
    with pytest.raises(WorkerFault):
        second.wait(crash)
    np.testing.assert_array_equal(second.wait(second.segment(other)).box.values, other.voxels)
    np.testing.assert_array_equal(first.wait(slow).box.values, scan.voxels)
    assert len(folders_of(os.getpid())) == 2
    note("a second client whose worker crashes", "the first one's answer comes")


@pytest.mark.parametrize(
    ("launch", "message"),
    [
        (Launch(["/nowhere/python"]), "No such file or directory: /nowhere/python"),
        (Launch([sys.executable, "-c", "import nothing_of_this_name"]), "No module named 'nothing_of_this_name'"),
        (Launch(["echo", "Welcome to gpu01"]), "What was started is not LungTumorSeg's worker"),
        (Launch(["true"]), r"could not start \(exit code 0\): it said nothing"),
    ],
    ids=["no interpreter", "no package", "a talkative shell", "ends at once"],
)
def test_a_worker_that_cannot_start_says_what_to_do(open_client, scan, launch, message, note, request):
    client = open_client(launch)
    for _ in range(2):  # and does not block the next request
        waiting = [client.segment(scan), client.segment(scan)]
        for one in waiting:
            with pytest.raises(WorkerFault, match=message):
                client.wait(one)
            assert "settings" in one.failure.message
    note(f"worker cannot start: {request.node.callspec.id}", waiting[0].failure.message)


def test_the_real_worker_without_torch_says_what_to_do(open_client, scan, tmp_path, note):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    launch = worker_command(python=sys.executable)
    launch.environment["PYTHONPATH"] = f"{tmp_path}{os.pathsep}{launch.environment['PYTHONPATH']}"
    client = open_client(launch)
    request = client.segment(scan)
    with pytest.raises(WorkerFault, match="lacks torch: install it"):
        client.wait(request)
    note("worker cannot start: no torch", request.failure.message)


def test_a_python_file_in_the_hosts_folder_is_not_imported(tmp_path, monkeypatch, open_client, scan):
    (tmp_path / "numpy.py").write_text("raise SystemExit('hijacked')")
    monkeypatch.chdir(tmp_path)
    launch = worker_command(python=sys.executable)
    code = f"import runpy; runpy.run_path({str(FAKE_WORKER)!r}, run_name='__main__')"
    client = open_client(Launch([*launch.command[:1], "-c", code], launch.environment))
    assert client.wait(client.segment(scan)).meta


def test_neither_log_nor_file_names_hold_what_names_a_patient(client, state_folder, caplog, note):
    caplog.set_level("DEBUG")
    scan, names = made_scan(), []
    object.__setattr__(scan, "source", "/data/DOE^JANE/ct.nii.gz")
    client.wait(client.segment(scan, "/data/DOE^JANE/model"))
    for behaviour in ("fault", "refuse", "exit"):
        with pytest.raises((WorkerFault, InputRefused)):
            client.wait(client.segment(scan, f"/data/DOE^JANE/{behaviour}"))
        names += [str(file) for folder in folders_of(os.getpid()) for file in [folder, *folder.iterdir()]]
    log = (state_folder / "worker.log").read_text()
    assert "RuntimeError" in log
    assert scan.content_hash[:8] in log
    for text in (log, caplog.text, *names):
        assert "DOE" not in text
    note("a patient's name in every path", "in no log and no file name")


def test_after_close_nothing_is_left(scan):
    client = WorkerClient(fake_launch())
    pid = client.wait(client.segment(scan)).meta["pid"]
    request = client.segment(scan, "deaf-60")
    client.close()
    with pytest.raises(Cancelled):
        client.wait(request)
    assert not alive(pid)
    assert folders_of(os.getpid()) == []
    with pytest.raises(RuntimeError):
        client.segment(scan)
