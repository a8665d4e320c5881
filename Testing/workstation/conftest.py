"""A desk with a real scene and a real worker process, without widgets."""

import importlib.util
import sys
import time

import numpy as np
import pytest
from bench import PRETENDING, REPOSITORY, Bench

if importlib.util.find_spec("slicer") is None:
    collect_ignore = [f"test_{name}.py" for name in ("desk", "exporting", "following", "kills", "prompting", "undoing")]


@pytest.fixture
def scene():
    from trame_slicer.core import SlicerApp

    sys.path[:0] = [str(REPOSITORY / "Testing" / "scene")]
    app = SlicerApp()
    yield app.scene
    app.scene.Clear()


@pytest.fixture
def new_bench(scene):
    """Makes a desk with the worker that pretends: two balls in every CT, and a ball about every point."""
    benches = []

    def make(scene=scene):
        benches.append(Bench(scene, PRETENDING))
        return benches[-1]

    yield make
    for bench in benches:
        bench.close()


@pytest.fixture
def bench(new_bench):
    return new_bench()


@pytest.fixture
def ct(scene):
    from made_scene import add_ct

    from LungTumorSegLib.volume.geometry import Geometry

    return add_ct(scene, Geometry((30, 60, 64), (0.7, 0.7, 1.25)), "Chest CT")


@pytest.fixture
def segmented(bench, ct):
    bench.desk.choose_ct(ct)
    bench.desk.segment()
    assert bench.rest()
    return bench


@pytest.fixture(scope="session")
def phantom():
    """The sample CT with coarse voxels, and where its tumours are."""
    from LungTumorSegLib.volume.phantom import make_phantom

    ct, truth, _tumours = make_phantom(shape=(44, 90, 90), spacing=(4.0, 4.0, 6.25))
    return ct, truth


@pytest.fixture
def run_job():
    """Runs a command to its end as a job in a real process; returns the job, its steps and its end."""
    from LungTumorSegLib.worker.child import Child
    from LungTumorSegLib.worker.launch import job_command
    from LungTumorSegLib.workstation.job import Job

    def run(*arguments, launch=None, step=lambda job, steps: None, seconds=60.0):
        child, steps, ends = Child(), [], []
        job = Job(arguments, child, launch or job_command(), ends.append, lambda *told: steps.append(told))
        until = time.monotonic() + seconds
        while not ends and time.monotonic() < until:
            child.deliver(0.05)
            job.tick()
            step(job, steps)
        return job, steps, ends

    return run


@pytest.fixture
def probability():
    """Box of probability of a mask: 0.9 in it, 0.2 around it."""
    from LungTumorSegLib.volume.box import Box

    def make(mask: np.ndarray) -> Box:
        return Box((0, 0, 0), np.where(mask > 0, 0.9, 0.2).astype(np.float32))

    return make
