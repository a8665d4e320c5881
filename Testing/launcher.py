"""A launcher as Slicer's `PythonSlicer` is one (ctkAppLauncher.cpp, `runProcess`): the program behind it is a process
of its own with the launcher's stdin, stdout and stderr; no signal is handed on; a crash of the program is exit code 1.
"""

import signal
import subprocess
import sys
from pathlib import Path


def make_launcher(file: Path, program: Path | str = sys.executable) -> Path:
    """`file` becomes a launcher of the program."""
    file.parent.mkdir(exist_ok=True)
    file.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "{__file__}" "{program}" "$@"\n')
    file.chmod(0o755)
    return file


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # it has no handler: Ctrl-C ends it, and it alone
    code = subprocess.call(sys.argv[1:])
    sys.exit(code if code >= 0 else 1)


if __name__ == "__main__":
    main()
