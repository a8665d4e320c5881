"""The main job as a person runs it: real process, real worker, the bundled models, the sample CT."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

FILES = {
    "segmentation.nii.gz", "lesions.nii.gz", "probability.nii.gz", "gradcam.nii.gz",
    "lesions.json", "run.json", "overview.png",
}  # fmt: skip


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return 2 * (a & b).sum() / (a.sum() + b.sum())


def test_segment_writes_its_files_and_nothing_else(segmented):
    assert {file.name for file in segmented.iterdir()} == FILES
    assert [file for file in segmented.parent.iterdir() if file != segmented] == []


@pytest.mark.parametrize("name", ["segmentation", "lesions", "probability", "gradcam"])
def test_every_map_lies_on_the_grid_of_the_ct(segmented, sample, load, name):
    _voxels, ct = load(sample / "ct.nii.gz")
    _voxels, written = load(segmented / f"{name}.nii.gz")
    assert written.GetSize() == ct.GetSize()
    assert written.GetSpacing() == ct.GetSpacing()
    assert written.GetOrigin() == ct.GetOrigin()
    assert written.GetDirection() == ct.GetDirection()


def test_the_maps_agree_with_each_other_and_with_the_json(segmented, load, read_json):
    probability, _ = load(segmented / "probability.nii.gz")
    lesions, image = load(segmented / "lesions.nii.gz")
    mask, _ = load(segmented / "segmentation.nii.gz")
    report, run = read_json(segmented / "lesions.json"), read_json(segmented / "run.json")

    assert probability.dtype == np.float32
    assert 0 <= probability.min() <= probability.max() <= 1
    assert set(np.unique(mask)) <= {0, 1}
    assert np.array_equal(mask > 0, lesions > 0)
    assert (probability[mask > 0] >= run["threshold"]).all()
    assert [lesion["id"] for lesion in report["lesions"]] == list(range(1, lesions.max() + 1))
    for lesion in report["lesions"]:
        voxels = (lesions == lesion["id"]).sum()
        assert lesion["volume_ml"] == pytest.approx(voxels * np.prod(image.GetSpacing()) / 1000)
        for axis in ("long", "short"):
            ends = np.array(lesion[f"{axis}_axis_points_lps"])
            assert np.linalg.norm(ends[0] - ends[1]) == pytest.approx(lesion[f"{axis}_axis_mm"])


def test_the_sample_tumours_are_found(segmented, sample, load):
    found, _ = load(segmented / "segmentation.nii.gz")
    truth, _ = load(sample / "truth.nii.gz")
    for label in np.unique(truth[truth > 0]):
        assert (found[truth == label] > 0).any(), f"tumour {label} of the sample was missed"


def test_the_run_says_what_ran(segmented, read_json):
    run = read_json(segmented / "run.json")
    assert run["device"] in ("cpu", "cuda")
    assert run["multiply_adds"] > 1e9
    assert len(run["image_sha256"]) == 64
    assert len(run["identity"]) == 32
    assert {"reading", "segmentation", "measurement", "explanation"} <= set(run["seconds"])


def test_the_heat_lies_within_0_and_1_and_reaches_1(segmented, load):
    heat, _ = load(segmented / "gradcam.nii.gz")
    assert heat.min() >= 0
    assert heat.max() == pytest.approx(1)


def test_measure_says_the_same_of_the_written_mask(lungtumorseg, segmented, read_json):
    done = lungtumorseg("measure", segmented / "segmentation.nii.gz", "--json")
    measured = json.loads(done.stdout)["lesions"]
    written = read_json(segmented / "lesions.json")["lesions"]
    assert [lesion["long_axis_mm"] for lesion in measured] == [lesion["long_axis_mm"] for lesion in written]
    assert [lesion["short_axis_mm"] for lesion in measured] == [lesion["short_axis_mm"] for lesion in written]


def test_a_point_in_a_tumour_brings_that_tumour(lungtumorseg, sample, tmp_path, load):
    truth, image = load(sample / "truth.nii.gz")
    label = int(truth.max())
    k, j, i = np.argwhere(truth == label).mean(axis=0).round().astype(int).tolist()
    point = ",".join(f"{x:.1f}" for x in image.TransformIndexToPhysicalPoint((i, j, k)))
    done = lungtumorseg("segment", sample / "ct.nii.gz", "-o", tmp_path / "out", "--point", point)
    assert done.returncode == 0, done.stderr
    mask, _ = load(tmp_path / "out" / "segmentation.nii.gz")
    assert dice(mask > 0, truth == label) > 0.5


def test_a_second_run_without_heat_leaves_no_stale_heat(lungtumorseg, sample, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "gradcam.nii.gz").write_bytes(b"from an earlier run")
    (out / "notes of the user.txt").write_text("mine")
    assert lungtumorseg("segment", sample / "ct.nii.gz", "-o", out).returncode == 0
    assert {file.name for file in out.iterdir()} == FILES - {"gradcam.nii.gz"} | {"notes of the user.txt"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere.nii.gz"], "no file"),
        (["CT", "--point", "1,2"], "X,Y,Z"),
        (["CT", "--point", "9000,0,0"], "outside"),
        (["CT", "--model", "nobody"], "nobody"),
        (["CT", "--threshold", "7"], "threshold"),
        (["CT", "--overlap", "1"], "overlap"),
        (["CT", "--device", "abacus"], "abacus"),
        (["CT", "--series", "7"], "series"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line_and_nothing_is_written(
    lungtumorseg, sample, tmp_path, arguments, says
):
    words = [sample / "ct.nii.gz" if word == "CT" else word for word in arguments]
    done = lungtumorseg("segment", *words, "-o", tmp_path / "out")
    lines = [line for line in done.stderr.splitlines() if not line.startswith("note:")]
    assert done.returncode == 2
    assert len(lines) == 1
    assert says in lines[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["FILE/out", "/proc/out"])
def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(lungtumorseg, sample, tmp_path, place):
    if place.startswith("/proc") and not os.path.isdir("/proc"):
        pytest.skip("needs /proc, which is closed even to an administrator")
    (tmp_path / "FILE").write_text("in the way")
    nobody = f"{sys.executable} -c pass"  # a worker that ends at once: it is not asked
    done = lungtumorseg("segment", sample / "ct.nii.gz", "-o", tmp_path / place, "--worker", nobody)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"cannot write to {tmp_path / place}: " in done.stderr


def test_a_fault_of_ours_names_the_log_and_exits_with_1(lungtumorseg, sample, tmp_path):
    python_without_torch = tmp_path / "python"
    python_without_torch.write_text("#!/bin/sh\nexit 3\n")
    python_without_torch.chmod(0o755)
    out = tmp_path / "out"
    done = lungtumorseg("segment", sample / "ct.nii.gz", "-o", out, "--worker", python_without_torch)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert not out.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_cancels_and_leaves_nothing(sample, tmp_path):
    program = Path(sys.executable).with_name("lungtumorseg")
    words = [program, "segment", sample / "ct.nii.gz", "-o", tmp_path / "out"]
    running = subprocess.Popen([str(w) for w in words], stderr=subprocess.PIPE, text=True)
    time.sleep(3.0)  # it reads, or computes, as the machine is fast
    running.send_signal(signal.SIGINT)
    _out, errors = running.communicate(timeout=20)
    assert running.returncode == 130, errors
    assert errors.splitlines()[-1] == "lungtumorseg: cancelled, nothing was written"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
def test_ctrl_c_that_no_command_catches_is_one_line_too(monkeypatch, capsys):
    from LungTumorSegLib.command import main

    @main.app.command("interrupted", hidden=True)
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sys, "argv", ["lungtumorseg", "interrupted"])
    try:
        with pytest.raises(SystemExit) as end:
            main.main()
    finally:
        main.app.registered_commands.pop()
    assert end.value.code == 130
    assert capsys.readouterr().err == "lungtumorseg: cancelled, nothing was written\n"


def test_the_run_says_which_scan_it_was_so_that_a_result_stands_for_a_study(segmented, sample, read_json):
    run = read_json(segmented / "run.json")
    assert run["image_path"] == str(sample / "ct.nii.gz")
    assert run["series_uid"] is None
    assert run["study_date"] is None


def test_a_scan_that_is_called_like_a_result_is_not_overwritten(lungtumorseg, tmp_path):
    scan = tmp_path / "lesions.nii.gz"
    scan.write_bytes(b"a scan")
    done = lungtumorseg("segment", scan, "-o", tmp_path)
    assert done.returncode == 2
    assert done.stderr.strip().endswith("is what the results are made from: name another folder with -o")
    assert scan.read_bytes() == b"a scan"
