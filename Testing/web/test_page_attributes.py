"""Every attribute that the page's widgets are given is in the page: trame leaves out silently what it does not know."""

import os
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
LOOK = """
import gc, os, sys
from pathlib import Path
from trame_client.widgets.core import AbstractElement
from LungTumorSegLib.web.app import App
from LungTumorSegLib.worker.launch import Launch

app = App(Launch([sys.executable, "-c", ""], {}), Path(sys.argv[1]))
elements = [thing for thing in gc.get_objects() if isinstance(thing, AbstractElement)]
texts = [element.html for element in elements]
assert len(texts) > 200
assert any('aria-label="Threshold"' in text for text in texts)
for element in elements:
    for name in element._impl.skipped_attributes:
        print(element._elem_name, name)
sys.stdout.flush()
os._exit(0)
"""


def test_no_attribute_is_left_out(tmp_path):
    environment = {
        **os.environ, "PYTHONPATH": str(REPOSITORY / "LungTumorSeg"), "LUNGTUMORSEG_MODELS": str(tmp_path / "models"),
        "VTK_DEFAULT_OPENGL_WINDOW": "vtkEGLRenderWindow",
    }  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", LOOK, str(tmp_path / "work")], env=environment, check=False, text=True,
        capture_output=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == ""
