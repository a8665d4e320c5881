"""A small scan, and the fake worker as hosts see it."""

import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.worker import buffers
from LungTumorSegLib.worker.client import WorkerClient
from LungTumorSegLib.worker.launch import Launch, worker_command

FAKE_WORKER = Path(__file__).with_name("fake_worker.py")


def made_scan(shape=(3, 40, 50), seed=0) -> Volume:
    voxels = np.random.default_rng(seed).integers(-1000, 1000, shape).astype(np.int16)
    return Volume(voxels, Geometry(shape, (0.7, 0.7, 2.5), (-100.0, -120.0, 40.0)))


def fake_launch(inline=False) -> Launch:
    launch = worker_command(python=sys.executable)
    return replace(launch, command=[launch.command[0], str(FAKE_WORKER)], inline=inline)


def folders_of(pid: int) -> list[Path]:
    """The shared folders that the host with this process id has or left."""
    parents = {buffers.MEMORY, Path(tempfile.gettempdir())}
    return [folder for parent in parents for folder in parent.glob(f"{buffers.NAME}{pid}-*")]


def process_of(client: WorkerClient):
    """The child process behind a client."""
    return client.child.process


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def environment() -> dict[str, str]:
    """For scripts that are hosts themselves."""
    paths = [str(FAKE_WORKER.parent), str(FAKE_WORKER.parents[2] / "LungTumorSeg")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths)}
