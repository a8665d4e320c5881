"""`ci/setup` as a shell runs it, with a Python, a pip and a Debian that only pretend."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a shell script")

SETUP = Path(__file__).resolve().parents[2] / "ci" / "setup"
# Fits the project; its pip installs one program. Each .venv that it makes is a line of the file $MADE.
PYTHON = r"""#!/bin/sh
if [ "$1 $2" = "-m venv" ]; then
  for folder; do :; done
  echo "$PWD/$folder" >> "$MADE"
  mkdir -p "$folder/bin"
  echo "command = python3.11 -m venv $PWD/$folder" > "$folder/pyvenv.cfg"
  cp "$0" "$folder/bin/python"
elif [ "$3" = install ]; then
  cp "$0" "${0%/*}/lungtumorseg"
fi
"""
UNFIT = "#!/bin/sh\nexit 1\n"
HALF_MADE = "#!/bin/sh\necho No module named pip >&2\nexit 1\n"
DEBIAN = {"id": "echo 1000", "apt-get": "exit 9", "dpkg": 'case "$2" in chromium|python3*) exit 1 ;; esac'}


def program(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


@pytest.fixture
def machine(tmp_path) -> Path:
    """Programs that stand before the machine's own: a user of Debian who is not root, with Python and no Chromium."""
    for name, does in DEBIAN.items():
        program(tmp_path / "bin" / name, f"#!/bin/sh\n{does}\n")
    program(tmp_path / "bin" / "python3.11", PYTHON)
    return tmp_path


@pytest.fixture
def set_up(machine):
    """Runs the `ci/setup` of a checkout; gives what it said and how often it has made a .venv so far."""

    def run(checkout: Path, wanted_code: int = 0) -> tuple[str, int]:
        path = f"{machine / 'bin'}{os.pathsep}{os.environ['PATH']}"
        variables = {**os.environ, "PATH": path, "MADE": str(machine / "made")}
        words = [str(checkout / "ci" / "setup")]
        done = subprocess.run(words, check=False, capture_output=True, text=True, env=variables, timeout=60)
        assert done.returncode == wanted_code, done.stderr
        made = machine / "made"
        return done.stdout + done.stderr, len(made.read_text().splitlines()) if made.exists() else 0

    return run


@pytest.fixture
def checkout(machine) -> Path:
    folder = machine / "check out"
    program(folder / "ci" / "setup", SETUP.read_text())
    (folder / "ci" / "requirements.txt").write_text("numpy\n")
    (folder / "pyproject.toml").write_text("[project]\n")
    return folder


def test_the_second_time_nothing_is_done_or_said(checkout, set_up):
    assert set_up(checkout)[1] == 1
    assert set_up(checkout) == ("", 1)


def test_changed_requirements_are_installed_into_the_venv_that_is_there(checkout, set_up):
    set_up(checkout)
    (checkout / "ci" / "requirements.txt").write_text("scipy\n")
    said, made = set_up(checkout)
    assert "Setting up .venv" in said
    assert made == 1


def test_a_venv_that_was_left_without_pip_is_made_anew(checkout, set_up):
    program(checkout / ".venv" / "bin" / "python", HALF_MADE)
    (checkout / ".venv" / "pyvenv.cfg").write_text(f"command = python3.11 -m venv {checkout}/.venv\n")
    assert set_up(checkout)[1] == 1
    assert set_up(checkout) == ("", 1)


@pytest.mark.parametrize("carry", [shutil.move, shutil.copytree], ids=["moved", "copied"])
def test_a_venv_of_a_checkout_that_was_moved_or_copied_is_made_anew(checkout, set_up, carry):
    set_up(checkout)
    other = checkout.with_name("another")
    carry(checkout, other)
    assert set_up(other)[1] == 2
    assert set_up(other) == ("", 2)


def test_a_venv_that_is_a_link_to_anothers_is_left_alone(checkout, set_up):
    set_up(checkout)
    other = checkout.with_name("another")
    shutil.copytree(checkout, other, ignore=shutil.ignore_patterns(".venv"))
    (other / ".venv").symlink_to(checkout / ".venv")
    assert set_up(other)[1] == 2
    assert not (other / ".venv").is_symlink()
    assert set_up(checkout) == ("", 2)


def test_without_root_the_missing_packages_are_named_and_the_rest_is_done(checkout, set_up):
    said, made = set_up(checkout)
    assert "sudo apt-get install --no-install-recommends chromium\n" in said
    assert made == 1


def test_without_a_python_that_fits_it_is_among_the_missing_and_refused_in_one_line(machine, checkout, set_up):
    for name in ("python3.11", "python3.12", "python3"):
        program(machine / "bin" / name, UNFIT)
    first, second = set_up(checkout, wanted_code=1)[0].splitlines()
    assert first.endswith(" chromium python3 python3-venv")
    assert "Python 3.11 or 3.12 with venv is needed" in second


def test_root_installs_what_is_missing_and_no_more(machine, checkout, set_up):
    program(machine / "bin" / "id", "#!/bin/sh\necho 0\n")
    program(machine / "bin" / "apt-get", f'#!/bin/sh\necho "$@" >> "{machine}/installed"\n')
    set_up(checkout)
    assert (machine / "installed").read_text().splitlines()[1].endswith("--no-install-recommends chromium")
