"""Commands run as child processes, real ones."""

import json

from LungTumorSegLib.worker.launch import Launch, job_command


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


def cancelled_at_once(code: tuple[str, str], run_job):
    launch = job_command()

    def step(job, steps):
        if steps:
            job.cancel()

    before, after = code
    says = 'print(\'{"stage": "x", "fraction": 0}\', flush=True)'
    words = f"import time, signal; {before}; {says}; {after}"
    launch = Launch([launch.command[0], "-c", words], launch.environment)
    return run_job(launch=launch, step=step)[0].end


def test_cancel_ends_a_job(run_job):
    end = cancelled_at_once(("pass", "time.sleep(60)"), run_job)
    assert (end.cancelled, end.sentence) == (True, "Cancelled.")


def test_a_job_that_does_not_hear_cancel_is_killed(run_job):
    end = cancelled_at_once(("signal.signal(2, signal.SIG_IGN)", "time.sleep(60)"), run_job)
    assert (end.cancelled, end.code) == (True, -9)


def test_a_job_that_crashes_is_one_sentence_with_details(run_job):
    launch = job_command()
    launch = Launch([launch.command[0], "-c", "raise ValueError('inner')"], launch.environment)
    end = run_job(launch=launch)[0].end
    assert end.sentence == "The program ended with code 1: ValueError: inner"
    assert "Traceback" in end.details


def test_a_worker_on_another_machine_leaves_jobs_to_a_python_here(tmp_path):
    launch = job_command("ssh gpu lungtumorseg worker", python="/usr/bin/python3")
    assert launch.command == ["/usr/bin/python3", "-m", "LungTumorSegLib.command"]
    assert not launch.inline
