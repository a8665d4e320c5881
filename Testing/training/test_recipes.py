import hashlib
import json
import subprocess
import sys

import pytest
import torch

from LungTumorSegLib.networks.model import load_model
from LungTumorSegLib.training.loop import CHECKPOINT, Plan
from LungTumorSegLib.training.prompted import train_prompted
from LungTumorSegLib.training.publication import MODULES, publish
from LungTumorSegLib.training.searching import train_searching

PLAN = Plan(steps=1, batch=2, warm_up=1, workers=0, checkpoint_every=1)


def digest(folder):
    return [hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())]


@pytest.mark.parametrize(
    ("task", "train", "suspicion"), [("prompted", train_prompted, None), ("automatic", train_searching, 0.1)]
)
def test_a_run_becomes_a_model_whose_card_says_where_it_comes_from_and_the_next_run_leaves_it_alone(
    task, train, suspicion, tiny_data, tiny_backgrounds, tmp_path
):
    trained = train(tiny_data, tiny_backgrounds, tmp_path / "run", PLAN)
    base = tmp_path / "base"
    made = (tiny_data, tiny_backgrounds)
    publish(task, tmp_path / "run", *made, base, 0.4, suspicion, {"dice": 0.5}, ["made of balls"])
    model = load_model(base)
    card = model.card
    assert (card.task, card.threshold, card.suspicion) == (task, 0.4, suspicion)
    for name, value in model.network.named_parameters():
        assert torch.equal(value, trained.get_parameter(name))
    provenance = card.provenance
    assert sum(part["patients"] for part in provenance["nodules"].values()) == 12
    assert provenance["lungs_to_set_them_into"] == ["chest"]
    assert provenance["metrics"] == {"dice": 0.5}
    assert provenance["known_failures"] == ["made of balls"]
    assert f"training.{MODULES[task]}" in provenance["recipe"]
    assert str(tmp_path) not in json.dumps(provenance)

    before = digest(base)
    train(tiny_data, tiny_backgrounds, tmp_path / "next", PLAN, start=base)
    child = tmp_path / "child"
    publish(task, tmp_path / "next", *made, child, 0.4, suspicion, {}, [], parent=base, history="-")
    assert digest(base) == before
    assert load_model(child).card.provenance["parent"] == model.digest


def test_the_recipe_runs_as_a_command_and_goes_on_where_it_stopped(tiny_data, tiny_backgrounds, tmp_path):
    command = [sys.executable, "-m", "LungTumorSegLib.training.prompted", "--data", str(tiny_data)]
    command += ["--backgrounds", str(tiny_backgrounds), "-o", str(tmp_path / "run"), "--batch", "2", "--threads", "1"]
    subprocess.run([*command, "--steps", "1"], check=True)
    subprocess.run([*command, "--steps", "2"], check=True)
    assert (tmp_path / "run" / CHECKPOINT).is_file()
    rows = (tmp_path / "run" / "log.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["step", "1", "2"]
