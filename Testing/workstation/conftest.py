import time

import pytest

from LungTumorSegLib.worker.launch import job_command
from LungTumorSegLib.workstation.child import Child
from LungTumorSegLib.workstation.job import Job


@pytest.fixture
def run_job():
    """Runs a command to its end as a job in a real process; returns the job, its steps and its end."""

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
