"""The app in a process of its own, as a user starts it, that answers what its scene holds."""

import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]


class Served:
    """The app's process. Its address, and what its scene holds. real : with the real worker and models."""

    def __init__(self, folder: Path, real: bool = False):
        environment = {**os.environ, "PYTHONPATH": str(REPOSITORY / "LungTumorSeg"), "PYTHONUNBUFFERED": "1"}
        environment["VTK_DEFAULT_OPENGL_WINDOW"] = "vtkEGLRenderWindow"
        environment["LUNGTUMORSEG_MODELS"] = str(folder / "models")  # never those of who runs the tests
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "served.py"), str(folder), *["real"] * real], env=environment, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self.address = json.loads(self.process.stdout.readline())
        self.origin = self.address.split("/?")[0]

    def ask(self, *question):
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        reply = json.loads(self.process.stdout.readline())
        assert not (isinstance(reply, dict) and "error" in reply), reply
        return reply

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)
