import sys
from pathlib import Path

from LungTumorSegLib.worker.launch import PACKAGE_PARENT, worker_command

RESIDENT = ["-m", "LungTumorSegLib.worker.resident"]


def test_without_a_setting_this_python_runs_the_worker():
    launch = worker_command(environment={})
    assert launch.command == [sys.executable, *RESIDENT]
    assert not launch.inline


def test_a_setting_goes_before_the_variable_and_that_before_the_hosts_own_choice():
    variable = {"LUNGTUMORSEG_PYTHON": "/opt/b/python"}
    assert worker_command("/opt/a/python", python="/opt/c", environment=variable).command[0] == "/opt/a/python"
    assert worker_command("", python="/opt/c", environment=variable).command[0] == "/opt/b/python"
    assert worker_command(None, python="/opt/c", environment={}).command[0] == "/opt/c"


def test_an_interpreter_in_a_folder_with_blanks_is_one_word(tmp_path):
    python = tmp_path / "Program Files" / "python"
    python.parent.mkdir()
    python.touch()
    assert worker_command(str(python)).command == [str(python), *RESIDENT]


def test_a_command_line_is_taken_as_it_is_and_its_arrays_travel_in_the_pipe():
    launch = worker_command("ssh -p 2222 gpu 'lungtumorseg worker'")
    assert launch.command == ["ssh", "-p", "2222", "gpu", "lungtumorseg worker"]
    assert launch.inline


def test_the_hosts_python_variables_stay_with_the_host():
    host = {"PATH": "/bin", "PYTHONHOME": "/Slicer", "PYTHONPATH": "/Slicer/lib"}
    environment = worker_command("/opt/python", environment=host).environment
    assert environment == {"PATH": "/bin", "PYTHONPATH": str(PACKAGE_PARENT), "PYTHONSAFEPATH": "1"}
    assert (Path(environment["PYTHONPATH"]) / "LungTumorSegLib" / "worker").is_dir()
