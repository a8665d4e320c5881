"""Clients of the fake worker, and the table of faults at the end of the run."""

import os
from pathlib import Path

import pytest
from made_worker import fake_launch, folders_of, made_scan

from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.worker.client import WorkerClient


@pytest.fixture
def note(record_property):
    """`note(fault, outcome)`: a line of the table at the end of the run."""
    return lambda fault, outcome: record_property("worker: faults and outcomes", (fault, outcome))


@pytest.fixture(autouse=True)
def state_folder(tmp_path, monkeypatch) -> Path:
    """Logs of this test's workers go here."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path / "state" / "lungtumorseg"


@pytest.fixture
def scan() -> Volume:
    return made_scan()


@pytest.fixture
def open_client():
    """`open_client(launch, heartbeat_silence=...)`: closed at the test's end, which must leave no file."""
    clients = []

    def open_one(launch=None, **patience) -> WorkerClient:
        clients.append(WorkerClient(launch or fake_launch(), **patience))
        return clients[-1]

    yield open_one
    for client in clients:
        client.close()
    assert folders_of(os.getpid()) == []


@pytest.fixture
def client(open_client) -> WorkerClient:
    return open_client()
