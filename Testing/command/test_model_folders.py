"""`segment CT --model FOLDER` with a folder of each kind of model: random weights, the real command and worker."""

import numpy as np
import pytest
from small_models import GATE, gated_model, model_of, small_model

from LungTumorSegLib.networks.model import Model, save_model

NOTHING_FOUND = ("--threshold", "0.9999")  # noise has no lesions to measure; the map is what counts here


def saved(folder, model: Model):
    save_model(folder, model.network, model.card, model.gate)
    return folder


@pytest.mark.parametrize(
    ("name", "arguments", "says"),
    [
        ("UNet-Narrow", ["--class", "left lung"], "shown: left lung"),
        ("ResidualUNet3D-Summed", [], "shown: all of whole, core, rim"),
        ("UNet3D-Dilated", ["--class", "core"], "shown: core"),
        ("UNet3D", [], None),
        ("SwinUNETR", [], None),
        ("gated", [], "the gate let"),
    ],
)
def test_a_folder_of_each_kind_of_model_segments_the_sample(
    lungtumorseg, sample, tmp_path, load, read_json, name, arguments, says
):
    folder = saved(tmp_path / "model", gated_model() if name == "gated" else small_model(name))
    out = tmp_path / "out"
    done = lungtumorseg("segment", sample / "ct.nii.gz", "-o", out, "--model", folder, *arguments, *NOTHING_FOUND)
    assert done.returncode == 0, done.stderr
    assert says is None or says in done.stderr
    probability, _ = load(out / "probability.nii.gz")
    assert np.isfinite(probability).all()
    assert name == "gated" or 0 < probability.max() < 1
    assert read_json(out / "run.json")["multiply_adds"] > 0


def test_a_class_that_the_model_does_not_know_and_a_gate_alone_are_refused_in_one_line(lungtumorseg, sample, tmp_path):
    lungs, gate = saved(tmp_path / "lungs", small_model("UNet-Narrow")), saved(tmp_path / "gate", model_of(GATE))
    for model, arguments, says in (
        (lungs, ["--class", "heart"], "choose one of left lung, right lung"),
        (gate, [], "only chooses slices"),
    ):
        done = lungtumorseg("segment", sample / "ct.nii.gz", "-o", tmp_path / "out", "--model", model, *arguments)
        assert done.returncode == 2
        lines = [line for line in done.stderr.splitlines() if not line.startswith("note:")]
        assert len(lines) == 1
        assert says in lines[0]
        assert not (tmp_path / "out").exists()


def test_a_class_goes_with_no_point(lungtumorseg, sample, tmp_path):
    words = ["segment", sample / "ct.nii.gz", "-o", tmp_path / "out", "--point", "1,2,3", "--class", "left lung"]
    done = lungtumorseg(*words)
    assert done.returncode == 2
    assert "--class goes with" in done.stderr
