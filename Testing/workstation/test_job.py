"""Commands run as child processes, real ones."""

import json
import os
import sys

import pytest
from launcher import make_launcher

from LungTumorSegLib.worker.launch import Launch, hosted, job_command


def test_a_command_runs_as_a_job_and_says_what_it_printed(run_job, tmp_path):
    job, _steps, ends = run_job("models", "--json", "--registry", tmp_path)
    assert job.end.done
    assert ends == [job.end]
    assert {"automatic", "prompted"} <= set(json.loads(job.end.output))


def test_a_refusal_is_one_sentence(run_job, tmp_path):
    job, _steps, _ends = run_job("export", tmp_path / "nothing")
    assert job.end.code == 2
    assert job.end.sentence == "There is no result or mask of that name."
    assert not job.end.cancelled


def test_a_python_that_is_not_there_is_said(run_job):
    job, _steps, _ends = run_job("models", launch=Launch(["/nowhere/python"]))
    assert job.end.code is None
    assert job.end.sentence == (
        "The program could not be started: No such file or directory: /nowhere/python. "
        "Check the worker's Python in the settings."
    )


def test_progress_comes_as_steps_and_is_not_output(run_job):
    code = (
        "import time; from LungTumorSegLib.command.progress import ProgressLine\n"
        "with ProgressLine('json') as progress:\n"
        "  progress('reading', 0.0); progress('reading', 0.5); progress('writing', 0.9, 2.5); progress.say('note')\n"
        "print('{\"stage\": broken'); print('done')"
    )
    launch = job_command()
    job, steps, _ends = run_job(launch=Launch([launch.command[0], "-c", code], launch.environment))
    assert steps == [("reading", 0.0, None), ("writing", 0.9, 2.5)]
    assert job.end.output == '{"stage": broken\ndone\n'
    assert job.end.details == "note"


@pytest.fixture
def cancelled(run_job, tmp_path):
    """Runs a program of this code as a job and cancels it at its first word; how it ended."""

    def cancelled(code, python=sys.executable):
        says = 'print(\'{"stage": "x", "fraction": 0}\', flush=True)'
        (tmp_path / "work.py").write_text(f"import ctypes, signal, time\n{code.format(says=says)}\n")
        environment = job_command().environment
        environment["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"

        def step(job, steps):
            if steps:
                job.cancel()

        return run_job(launch=Launch(hosted(python, "work"), environment), step=step)[0].end

    return cancelled


def test_cancel_ends_a_job(cancelled):
    end = cancelled("{says}; time.sleep(60)")
    assert (end.cancelled, end.code, end.sentence) == (True, 130, "Cancelled.")


@pytest.mark.skipif(os.name == "nt", reason="the launcher is a shell script")
def test_a_cancelled_job_is_told_when_the_python_behind_a_launcher_has_tidied_up(cancelled, tmp_path):
    tidied = tmp_path / "tidied"
    code = f"try:\n  {{says}}; time.sleep(60)\nfinally:\n  time.sleep(0.5); open({str(tidied)!r}, 'w')"
    end = cancelled(code, str(make_launcher(tmp_path / "PythonSlicer")))
    assert (end.cancelled, end.code, end.sentence) == (True, 130, "Cancelled.")
    assert tidied.exists()


def test_a_job_that_is_deaf_to_cancel_ends_itself(cancelled):
    end = cancelled("signal.signal(signal.SIGINT, signal.SIG_IGN); {says}; time.sleep(60)")
    assert (end.cancelled, end.code) == (True, 130)


@pytest.mark.skipif(os.name == "nt", reason="C's sleep")
def test_a_job_that_hangs_with_pythons_lock_is_killed(cancelled):
    end = cancelled("signal.signal(signal.SIGINT, signal.SIG_IGN); {says}; ctypes.PyDLL(None).sleep(60)")
    assert (end.cancelled, end.code) == (True, -9)


def test_a_job_that_crashes_is_one_sentence_with_details(run_job):
    launch = job_command()
    launch = Launch([launch.command[0], "-c", "raise ValueError('inner')"], launch.environment)
    end = run_job(launch=launch)[0].end
    assert end.sentence == "The program ended with code 1: ValueError: inner"
    assert "Traceback" in end.details


def test_a_worker_on_another_machine_leaves_jobs_to_a_python_here(tmp_path):
    launch = job_command("ssh gpu lungtumorseg worker", python="/usr/bin/python3")
    assert launch.command == ["/usr/bin/python3", "-m", "LungTumorSegLib.worker.hosted", "LungTumorSegLib.command"]
    assert not launch.inline
