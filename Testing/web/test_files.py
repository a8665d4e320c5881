"""What comes from the browser as files: how much, what becomes of it, what is left of it."""

import asyncio
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from LungTumorSegLib.web import files

KILLED = """
import os, signal
from pathlib import Path
from LungTumorSegLib.web.files import Files
files = Files(None)
(files.new_folder("export") / "patient.nii.gz").write_bytes(b"voxels")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def temp(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def taken(temp):
    """The files of a page that opens nothing; all that it was given to open."""
    opened = []

    async def take(path):
        opened.append(sorted(file.name for file in path.iterdir()))

    here = files.Files(take)
    here.opened = opened
    yield here
    here.close()


def run(taken, work):
    """In a thread of its own: in this one Playwright's loop may run."""

    async def ask():
        app = web.Application()
        taken.serve(app)
        async with TestClient(TestServer(app)) as client:
            return await work(client)

    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, ask()).result()


def received(temp) -> list[str]:
    return sorted(path.name for path in temp.rglob("*") if path.is_file() and "lock" not in path.name)


def test_a_drop_is_limited_as_a_whole_and_one_too_large_leaves_nothing(taken, temp, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 1000)

    async def work(client):
        return [(await client.put(f"/drop/1/{n}.dcm", data=bytes(300))).status for n in range(4)]

    assert run(taken, work) == [201, 201, 201, 413]
    assert received(temp) == []


def test_two_drops_have_the_limit_each(taken, temp, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 1000)

    async def work(client):
        for drop in (1, 2):
            assert (await client.put(f"/drop/{drop}/a.dcm", data=bytes(900))).status == 201
        answer = await client.post("/drop/1")
        assert (await client.put("/drop/2/b.dcm", data=bytes(200))).status == 413
        return answer.status

    assert run(taken, work) == 204
    assert taken.opened == [["a.dcm"]]
    assert received(temp) == ["a.dcm"]


def test_a_browser_that_goes_in_the_middle_leaves_nothing(taken, temp):
    async def work(client):
        _reader, writer = await asyncio.open_connection(client.host, client.port)
        writer.write(b"PUT /drop/1/a.dcm HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n\r\n" + bytes(300))
        await writer.drain()
        for _ in range(500):
            if received(temp):
                break
            await asyncio.sleep(0.01)
        assert received(temp) == ["a.dcm"]
        writer.close()
        for _ in range(500):
            if not received(temp):
                break
            await asyncio.sleep(0.01)

    run(taken, work)
    assert received(temp) == []


def test_a_drop_is_forgotten_as_a_whole_and_no_other_file_is(taken, temp):
    async def work(client):
        for name in ("1/result/lesions.json", "1/ct.nii.gz", "2/other.nii.gz"):
            await client.put(f"/drop/{name}", data=b"voxels")

    run(taken, work)
    own = temp / "drop-3" / "own.nii.gz"
    own.parent.mkdir()
    own.write_bytes(b"voxels")
    (drop,) = temp.rglob("drop-1")
    taken.forget(drop / "result")
    taken.forget(own)
    taken.forget(drop.parent)
    assert received(temp) == ["other.nii.gz", "own.nii.gz"]


def test_what_a_killed_process_left_goes_with_the_next(temp):
    package = str(Path(files.__file__).parents[2])
    subprocess.run([sys.executable, "-c", KILLED], check=False, env={"PYTHONPATH": package, "TMPDIR": str(temp)})
    assert received(temp) == ["patient.nii.gz"]
    files.Files(None).close()
    assert list(temp.iterdir()) == []


def test_of_what_was_offered_the_last_few_stay(temp):
    page = files.Files(None)
    made = []
    for _ in range(files.MOST_OFFERED + 2):
        made.append(page.new_folder("export") / "mask.nii.gz")
        made[-1].write_bytes(b"voxels")
        page.offer(made[-1], "mask.nii.gz")
    assert [path.exists() for path in made] == [False] * 2 + [True] * files.MOST_OFFERED
    assert page.offer(made[-1], "mask.nii.gz") == f"download/{files.MOST_OFFERED + 3}/mask.nii.gz"
    page.close()
