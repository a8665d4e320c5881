"""The app in a process of its own, as a user starts it, that answers what its scene holds."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]


class Served:
    """The app's process.

    Attributes
    ----------
    address : with the token; origin : without path
    folder : where it keeps sessions, cases and models
    hold : while this file exists, the worker that pretends does not answer
    stderr : what the process and its children complained of
    """

    def __init__(self, folder: Path, real: bool = False):
        """real : with the real worker and models."""
        self.folder, self.hold, self.stderr = folder, folder / "hold", folder / "stderr.txt"
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "LungTumorSeg"), "PYTHONUNBUFFERED": "1"}
        environment["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkEGLRenderWindow"
        environment["LUNGTUMORSEG_MODELS"] = str(folder / "models")  # never those of who runs the tests
        environment["PRETENDING_HOLD"] = str(self.hold)
        with self.stderr.open("ab") as complaints:
            self.process = subprocess.Popen(
                [sys.executable, str(HERE / "served.py"), str(folder), *["real"] * real], env=environment, text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=complaints,
            )  # fmt: skip
        begun = self.process.stdout.readline()
        assert begun, f"the app did not start: {self.stderr.read_text()[-2000:]}"
        self.address = json.loads(begun)
        self.origin = self.address.split("/?")[0]

    def ask(self, *question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline())
        assert not (isinstance(reply, dict) and "error" in reply), reply
        return reply

    def children(self) -> dict[int, str]:
        """The processes that it started and that live: id -> command."""
        found = {}
        for each in Path(f"/proc/{self.process.pid}/task").glob("*/children"):
            for child in map(int, each.read_text().split()):
                found[child] = Path(f"/proc/{child}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return found

    def kill_worker(self) -> None:
        for child, command in self.children().items():
            if "worker" in command:
                os.kill(child, signal.SIGKILL)

    def kill(self) -> None:
        """As a crash does, or who pulls the plug."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.hold.unlink(missing_ok=True)
        self.process.terminate()
        self.process.wait(30)
