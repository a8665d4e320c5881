"""A heat map that cannot be made costs no lesions: `segment --explain` with a worker that pretends."""

import json

import numpy as np
import pytest

from LungTumorSegLib.cases.cohort import Cohort
from LungTumorSegLib.cases.scan import CT, Scan
from LungTumorSegLib.command import cohort as cohorts
from LungTumorSegLib.command.asked import Asked
from LungTumorSegLib.command.cohort import is_done
from LungTumorSegLib.command.one_scan import Stopwatch, read_images, segment_scan
from LungTumorSegLib.errors import Cancelled, InputRefused
from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.phantom import make_phantom
from LungTumorSegLib.volume.writing import write_volume
from LungTumorSegLib.worker.client import WorkerFault
from LungTumorSegLib.worker.conversation import Answer

ASKED = Asked("automatic", {}, explain=True)
META = {
    "threshold": 0.5, "device": "cpu", "half": False, "multiply_adds": 1, "energy_joules": None, "model": "pretended",
    "notes": ["a note"],
}  # fmt: skip
FILES = {"segmentation.nii.gz", "lesions.nii.gz", "probability.nii.gz", "lesions.json", "run.json", "overview.png"}
FAILURES = [InputRefused("not enough memory for this scan"), WorkerFault("the worker ended")]


class PretendingClient:
    """Finds one lesion; the request to explain it ends as the test wants."""

    def __init__(self, end: Exception):
        self._end = end

    def load(self, *_, **__) -> Answer:
        return Answer({"channels": [CT], "fingerprint": "pretended"}, Box((0, 0, 0), np.zeros((0, 0, 0))))

    def segment(self, *_, **__) -> Answer:
        return Answer(META, Box((10, 20, 20), np.full((4, 8, 8), 0.75, np.float32)))

    def explain(self, *_, **__) -> Exception:
        return self._end

    def wait(self, request: Answer | Exception) -> Answer:
        if isinstance(request, Exception):
            raise request
        return request

    def start(self) -> None: ...

    def __enter__(self):
        return self

    def __exit__(self, *_): ...


@pytest.fixture
def scan(tmp_path) -> Scan:
    (tmp_path / "scans").mkdir()
    path = tmp_path / "scans" / "Canary.nii.gz"
    write_volume(path, make_phantom(shape=(24, 64, 64), spacing=(5.6, 5.6, 11.0))[0])
    return Scan("Canary", path)


def segmented(scan: Scan, output, end: Exception):
    images = read_images(scan, ASKED)
    return segment_scan(PretendingClient(end), scan, images, output, ASKED, lambda *_: None, Stopwatch())


@pytest.mark.parametrize("failure", FAILURES, ids=["refused", "fault"])
def test_a_failed_explanation_is_a_note_and_the_rest_is_written(scan, tmp_path, failure):
    done = segmented(scan, tmp_path / "out", failure)
    assert len(done.lesions) == 1
    assert done.notes == ["a note", f"no Grad-CAM: {failure}"]
    assert {file.name for file in (tmp_path / "out").iterdir()} == FILES
    run = json.loads((tmp_path / "out" / "run.json").read_text())
    assert run["notes"][-2:] == done.notes
    assert not is_done(tmp_path / "out", ASKED, "pretended", [run["image_sha256"]]), "the heat map is still to be made"


def test_cancel_while_explaining_writes_nothing(scan, tmp_path):
    with pytest.raises(Cancelled):
        segmented(scan, tmp_path / "out", Cancelled())
    assert not (tmp_path / "out").exists()


def test_a_cohort_tells_which_case_has_no_heat_map_and_names_none(scan, tmp_path, monkeypatch, capsys):
    failure = InputRefused(f"not enough memory for {scan.path}")
    monkeypatch.setattr(cohorts, "WorkerClient", lambda launch: PretendingClient(failure))
    folder, output = scan.path.parent, tmp_path / "out"
    cohorts.segment_cohort(Cohort((scan,), "a folder of scans"), folder, output, ASKED, None)
    said = capsys.readouterr()
    assert "no Grad-CAM: not enough memory" in said.err
    assert "1 of 1 scans done, 0 failed." in said.out
    assert "Canary" not in said.err
