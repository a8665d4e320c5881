import os
import shutil
import subprocess
import sys
import time

import numpy as np
import pytest
from made_worker import environment, made_scan

from LungTumorSegLib.worker import buffers
from LungTumorSegLib.worker.buffers import Buffer, SharedFolder, sweep

HOST = """
import sys, time
from pathlib import Path
import numpy as np
from LungTumorSegLib.worker.buffers import SharedFolder
folder = SharedFolder(Path(sys.argv[1]))
folder.volume.put(np.zeros((9, 9, 9)))
print(folder.path, flush=True)
time.sleep(60)
"""


def start_host(parent) -> tuple[subprocess.Popen, str]:
    host = subprocess.Popen(
        [sys.executable, "-c", HOST, str(parent)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    return host, host.stdout.readline().strip()


@pytest.mark.parametrize("dtype", ["<i2", ">i2", "|u1", "<f4", "<f8", "|b1"])
def test_an_array_comes_out_as_it_went_in_whatever_lay_there_before(tmp_path, dtype):
    buffer = Buffer(tmp_path / "volume")
    chance = np.random.default_rng(0)
    for shape in [(4, 5, 6), (2, 3, 4), (0, 0, 0), (7, 8, 9), (1, 1, 1)]:
        values = chance.integers(0, 100, shape).astype(dtype)
        for view in (values, values[::-1, :, ::2], values.transpose(2, 0, 1)):
            there = buffer.put(view)
            np.testing.assert_array_equal(there.load(), view)
            assert there.load().dtype == values.dtype


def test_what_was_loaded_does_not_change_when_the_buffer_is_used_again(tmp_path):
    buffer = Buffer(tmp_path / "volume")
    first = buffer.put(np.ones((2, 2, 2))).load()
    buffer.put(np.zeros((2, 2, 2)))
    assert first.min() == 1


def test_the_folder_is_private_and_gone_when_closed(tmp_path):
    folder = SharedFolder(tmp_path)
    folder.volume.put(np.ones((2, 2, 2)))
    folder.reply.write_bytes(b"an answer")
    assert folder.path.stat().st_mode & 0o777 == 0o700
    folder.close()
    assert list(tmp_path.iterdir()) == []


def test_a_host_that_ends_without_closing_leaves_nothing(tmp_path):
    script = HOST.replace("time.sleep(60)", "raise RuntimeError")
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)],
        capture_output=True,
        check=False,
        env=environment(),
    )
    assert list(tmp_path.iterdir()) == []


def test_leftovers_of_a_killed_host_are_swept_and_those_of_a_living_one_are_not(tmp_path, note):
    dead, left = start_host(tmp_path)
    alive, used = start_host(tmp_path)
    dead.kill()
    dead.wait()
    try:
        SharedFolder(tmp_path).close()
        assert not os.path.exists(left)
        assert os.path.exists(used + "/volume")
        note("host killed -9, no worker", "its files swept by the next host; a living host's stay")
    finally:
        alive.kill()
        alive.wait()
        alive.stdout.close()
        dead.stdout.close()


def test_a_sweep_removes_nothing_that_is_not_ours(tmp_path):
    theirs = tmp_path / f"{buffers.NAME}of-somebody"
    theirs.mkdir()
    (theirs / "thesis.tex").write_text("years of work")
    os.utime(theirs, (0, 0))
    (tmp_path / f"{buffers.NAME}link").symlink_to(theirs)
    (tmp_path / f"{buffers.NAME}file").write_text("a file")
    fresh = tmp_path / f"{buffers.NAME}1-just-being-made"
    fresh.mkdir()
    sweep(tmp_path)
    assert (theirs / "thesis.tex").exists()
    assert len(list(tmp_path.iterdir())) == 4
    os.utime(fresh, (0, 0))
    sweep(tmp_path)
    assert not fresh.exists()


def test_the_temp_folder_serves_where_memory_has_no_room(monkeypatch, tmp_path):
    monkeypatch.setattr(buffers, "ROOM", 1 << 60)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    folder = SharedFolder()
    assert folder.path.parent == tmp_path
    folder.close()


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of 256 KiB."""
    place = tmp_path / "tiny"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "none", place]
    if os.getuid() != 0 or subprocess.run(mount, check=False).returncode:
        pytest.skip("only root may mount a small file system to fill")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_full_disk_is_an_error_and_no_crash_and_the_buffer_serves_on(tiny_disk):
    folder = SharedFolder(tiny_disk)
    small = np.ones((10, 10, 10))
    folder.volume.put(small)
    with pytest.raises(OSError, match="No space left"):
        folder.volume.put(np.ones((100, 100, 100)))
    assert shutil.disk_usage(tiny_disk).used < 10_000
    np.testing.assert_array_equal(folder.volume.put(small).load(), small)
    folder.close()


def test_a_scan_goes_through_the_pipe_where_the_disk_is_full(tiny_disk, monkeypatch, open_client, caplog, note):
    monkeypatch.setattr(buffers, "MEMORY", tiny_disk)
    monkeypatch.setattr(buffers, "ROOM", 0)
    client, scan = open_client(), made_scan((20, 100, 100))
    answer = client.wait(client.segment(scan))
    np.testing.assert_array_equal(answer.box.values, scan.voxels)
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "no room for a file to hand the volume over (No space left on device): it goes through the pipe"
    ]
    client.close()
    assert list(tiny_disk.iterdir()) == []
    note("disk full", "scan and answer go through the pipe; one line in the log")


def test_a_limit_on_file_size_is_met_in_the_same_way(tmp_path):
    script = """
import resource
from made_worker import made_scan, fake_launch
from LungTumorSegLib.worker.client import WorkerClient
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
scan = made_scan((20, 100, 100))
with WorkerClient(fake_launch()) as client:
    answer = client.wait(client.segment(scan))
    assert (answer.box.values == scan.voxels).all()
print("answered")
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, env=environment())
    assert ran.stdout == "answered\n", ran.stderr


def test_a_lock_tells_dead_from_alive_at_once(tmp_path):
    host, left = start_host(tmp_path)
    assert not buffers.remove_if_host_is_dead(tmp_path / os.path.basename(left))
    host.kill()
    deadline = time.monotonic() + 2
    while not buffers.remove_if_host_is_dead(tmp_path / os.path.basename(left)):
        assert time.monotonic() < deadline
    host.wait()
    host.stdout.close()
