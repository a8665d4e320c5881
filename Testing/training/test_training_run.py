"""Runs of `training_run.train`: the same weights whatever happens in between, and a model that works."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from made_cases import make_cases, write_case

from LungTumorSegLib.errors import Cancelled, InputRefused
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.networks.model import load_model
from LungTumorSegLib.training import safe_checkpoints, teaching
from LungTumorSegLib.training.curves import COLUMNS, PICTURE, TABLE
from LungTumorSegLib.training.fitting import PLAN
from LungTumorSegLib.training.recipe_file import read_recipe
from LungTumorSegLib.training.safe_checkpoints import CHECKPOINT, read_checkpoint, write_checkpoint
from LungTumorSegLib.training.taught import IMAGES, PATIENTS, patient_taught
from LungTumorSegLib.training.teaching import of_nodules
from LungTumorSegLib.training.training_run import learn, train
from LungTumorSegLib.training.watching import unheard
from LungTumorSegLib.volume.reading import read_ct

SMALL = """
[network]
name = "UNet-Narrow"
arguments = { base_filters = 2 }
[data]
window = [16, 16]
validation_share = 0.25
[sampling]
positive_share = 0.8
[augmentation]
flip = ["left-right"]
noise_chance = 0.5
[optimiser]
learning_rate = 0.01
clip = 1.0
[schedule]
name = "cyclic"
cycles = 2
warm_up = 2
[run]
steps = 12
steps_an_epoch = 2
batch = 4
workers = 0
validation_windows = 8
"""
PROGRAM = Path(sys.executable).with_name("lungtumorseg")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_cases(tmp_path_factory.mktemp("data") / "cases")


@pytest.fixture(scope="module")
def recipe_file(tmp_path_factory):
    file = tmp_path_factory.mktemp("recipe") / "small.toml"
    file.write_text(SMALL)
    return file


@pytest.fixture(scope="module")
def trained(data, recipe_file, tmp_path_factory):
    """A finished run, with averaged weights."""
    out = tmp_path_factory.mktemp("run") / "small"
    train(read_recipe(str(recipe_file), ["averaging.name=swa"]), data, out, device="cpu", threads=1)
    return out


def weights(folder) -> dict[str, torch.Tensor]:
    return load_model(folder).network.state_dict()


def same(one: dict, other: dict) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_a_finished_run_is_a_model_whose_card_says_where_it_comes_from(trained, data):
    card = load_model(trained).card
    assert (card.name, card.task, card.network) == ("small", "automatic", "UNet-Narrow")
    assert (card.spacing_mm, card.hu_range) == ((None, None, None), (-1000.0, 400.0))
    provenance = card.provenance
    assert provenance["cases"]["train"] == {"patients": 3, "cases": 6, "with_target": 6}
    assert provenance["cases"]["validation"]["patients"] == 1
    assert len(provenance["data_sha256"]) == 64
    assert provenance["steps_done"] == 12
    assert provenance["recipe"]["run"]["seed"] == 0
    assert provenance["versions"]["lightning"]
    assert 0 <= provenance["metrics"]["validation_dice_of_windows"] <= 1
    text = (trained / "model.json").read_text()
    assert "LIDC-IDRI-900" not in text
    assert str(data) not in text
    scan = read_ct(data / "LIDC-IDRI-9000_1" / "image.nii.gz")
    assert Session().segment(scan, trained).model == "small"


def test_the_curves_have_a_row_an_epoch_and_a_picture(trained):
    rows = list(csv.DictReader((trained / TABLE).open()))
    assert tuple(rows[0]) == COLUMNS
    assert [int(row["step"]) for row in rows] == [2, 4, 6, 8, 10, 12]
    assert all(float(row["validation_loss"]) > 0 for row in rows)
    assert (trained / PICTURE).read_bytes()[:4] == b"\x89PNG"


def test_the_runs_aids_are_gone_and_nothing_there_is_pickle(trained):
    kept = {path.name for path in trained.iterdir()}
    assert kept == {"weights.safetensors", "model.json", "run.json", TABLE, PICTURE, "tensorboard"}


KILLED = """
import sys
from pathlib import Path
import torch
from LungTumorSegLib.training.fitting import PLAN
from LungTumorSegLib.training.recipe_file import read_recipe
from LungTumorSegLib.training.taught import IMAGES, PATIENTS, patient_taught
from LungTumorSegLib.training.teaching import of_nodules
from LungTumorSegLib.training.training_run import learn, train
from LungTumorSegLib.training.watching import unheard
recipe, data, out = sys.argv[1:]
train(read_recipe(recipe, ["averaging.name=swa"]), Path(data), Path(out), device="cpu", threads=1)
"""


def test_a_run_killed_at_any_moment_and_resumed_ends_with_the_very_weights_of_an_unbroken_one(
    trained, data, recipe_file, tmp_path
):
    out = tmp_path / "small"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", KILLED, str(recipe_file), str(data), str(out)]
    process = subprocess.Popen(command, env=environment)
    try:
        deadline = time.monotonic() + 300
        while not (out / CHECKPOINT).is_file():
            assert process.poll() is None, "the run ended by itself"
            assert time.monotonic() < deadline, "no checkpoint was written"
            time.sleep(0.01)
    finally:
        process.kill()
        process.wait()
    assert 0 < read_checkpoint(out / CHECKPOINT)["global_step"] < 12
    recipe = read_recipe(str(recipe_file), ["averaging.name=swa"])
    with pytest.raises(InputRefused, match="--resume"):
        train(recipe, data, out, device="cpu", threads=1)
    train(recipe, data, out, resume=True, device="cpu", threads=1)
    assert same(weights(out), weights(trained))


class StopAfter:
    """Presses Ctrl-C in this process when a step is told."""

    def __init__(self, step: int):
        self.words = f"step {step} "

    def __call__(self, stage, fraction, left=None):
        if stage.startswith(self.words):
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize(
    "settings",
    [
        ["averaging.name=ema", "loss.name=dice"],
        ["run.choose=best", "run.patience=2", "optimiser.learning_rate=0.1", "schedule.name=constant"],
    ],
    ids=["averaged", "best"],
)
def test_ctrl_c_ends_a_run_that_goes_on_with_another_process_for_batches_to_the_very_weights(
    settings, data, recipe_file, tmp_path
):
    recipe = read_recipe(str(recipe_file), settings)
    train(recipe, data, tmp_path / "whole", device="cpu", threads=1)
    with pytest.raises(Cancelled):
        train(recipe, data, tmp_path / "parts", device="cpu", threads=1, progress=StopAfter(5))
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert read_checkpoint(tmp_path / "parts" / CHECKPOINT)["global_step"] == 4
    with_worker = read_recipe(str(recipe_file), [*settings, "run.workers=1"])
    train(with_worker, data, tmp_path / "parts", resume=True, device="cpu", threads=1)
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


def test_a_run_resumed_with_another_recipe_or_other_data_is_refused(data, recipe_file, tmp_path):
    recipe = read_recipe(str(recipe_file))
    with pytest.raises(Cancelled):
        train(recipe, data, tmp_path / "run", device="cpu", threads=1, progress=StopAfter(3))
    before = (tmp_path / "run" / CHECKPOINT).read_bytes()
    with pytest.raises(InputRefused, match=r"recipe\.run\.seed"):
        train(read_recipe(str(recipe_file), ["run.seed=1"]), data, tmp_path / "run", resume=True, device="cpu")
    more = make_cases(tmp_path / "more")
    write_case(more, "LIDC-IDRI-9100_1", 77)
    with pytest.raises(InputRefused, match="data_sha256"):
        train(recipe, more, tmp_path / "run", resume=True, device="cpu")
    assert (tmp_path / "run" / CHECKPOINT).read_bytes() == before


def test_a_run_is_not_resumed_once_a_table_says_otherwise_whose_its_cases_are(data, recipe_file, tmp_path):
    """Images and masks are as they were, but who had taught before would validate now."""
    recipe, cases, run = read_recipe(str(recipe_file)), shutil.copytree(data, tmp_path / "cases"), tmp_path / "run"
    with pytest.raises(Cancelled):
        train(recipe, cases, run, device="cpu", threads=1, progress=StopAfter(3))
    before = (run / CHECKPOINT).read_bytes()
    rows = [f"{case.name},{case.name[-1]}" for case in sorted(cases.iterdir())]
    (cases / "patients.csv").write_text("\n".join(["case,patient", *rows]))
    with pytest.raises(InputRefused, match="had another split_sha256: resume as it was, or start a new one"):
        train(recipe, cases, run, resume=True, device="cpu", threads=1)
    assert (run / CHECKPOINT).read_bytes() == before


def test_a_run_begun_before_its_split_was_noted_is_resumed(data, recipe_file, tmp_path):
    recipe, plan = read_recipe(str(recipe_file)), tmp_path / "run" / PLAN
    with pytest.raises(Cancelled):
        train(recipe, data, tmp_path / "run", device="cpu", threads=1, progress=StopAfter(3))
    noted = json.loads(plan.read_text())
    assert noted.keys() == {"recipe", "data_sha256", "split_sha256", "parent", "learning_rate"}
    del noted["split_sha256"]
    plan.write_text(json.dumps(noted))
    train(recipe, data, tmp_path / "run", resume=True, device="cpu", threads=1)
    assert load_model(tmp_path / "run").card.provenance["steps_done"] == 12


def test_lungs_and_split_belong_to_what_a_run_of_nodules_is_known_by(
    tiny_data, tiny_backgrounds, tmp_path, monkeypatch
):
    more = shutil.copytree(tiny_backgrounds, tmp_path / "lungs")
    shutil.copytree(more / "chest", more / "again")

    def identity(lungs):
        return of_nodules(read_recipe("prompted", [f"data.lungs={lungs}"]), tiny_data).identity

    first, other = identity(tiny_backgrounds), identity(more)
    assert {key for key in first if first[key] != other[key]} == {"lungs_sha256"}
    monkeypatch.setattr(teaching, "part_of", lambda patient: "train")
    other = identity(tiny_backgrounds)
    assert {key for key in first if first[key] != other[key]} == {"split_sha256"}


def test_data_with_errors_are_not_trained_on(recipe_file, tmp_path):
    bad = make_cases(tmp_path / "bad")
    (bad / "LIDC-IDRI-9000_1" / "mask.nii.gz").write_bytes((bad / "LIDC-IDRI-9000_1" / "image.nii.gz").read_bytes())
    with pytest.raises(InputRefused, match="must not be trained on"):
        train(read_recipe(str(recipe_file)), bad, tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("mine", ["prepared/notes.txt", "prepared", "gate/weights.txt", "gate/prepared/notes.txt"])
def test_a_folder_that_is_not_the_runs_own_is_refused_whatever_its_name(mine, data, recipe_file, tmp_path):
    (tmp_path / "run" / mine).parent.mkdir(parents=True)
    (tmp_path / "run" / mine).write_text("mine")
    with pytest.raises(InputRefused, match="run is not empty"):
        train(read_recipe(str(recipe_file)), data, tmp_path / "run", device="cpu")
    assert [path for path in (tmp_path / "run").rglob("*") if path.is_file()] == [tmp_path / "run" / mine]


def test_what_was_prepared_goes_and_what_came_to_lie_beside_it_stays(data, recipe_file, tmp_path):
    prepared = tmp_path / "run" / "prepared"
    with pytest.raises(Cancelled):
        train(read_recipe(str(recipe_file)), data, tmp_path / "run", device="cpu", threads=1, progress=StopAfter(3))
    assert len(list(prepared.iterdir())) == 8
    (prepared / ".00009.safetensors.unfinished").touch()
    (prepared / "notes.txt").write_text("mine")
    train(read_recipe(str(recipe_file)), data, tmp_path / "run", resume=True, device="cpu", threads=1)
    assert [path.name for path in prepared.iterdir()] == ["notes.txt"]


def test_what_a_run_left_that_was_killed_once_it_was_a_model_goes_with_resume(data, recipe_file, trained, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(trained, out)
    left = [out / "prepared" / "00000.safetensors", out / "checkpoint.safetensors", out / ".finished" / "model.json"]
    for path in left:
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"voxels")
    train(read_recipe(str(recipe_file)), data, out, resume=True, device="cpu")
    assert sorted(path.name for path in out.iterdir()) == sorted(path.name for path in trained.iterdir())


@pytest.mark.parametrize("place", ["FILE", "FILE/run", "/proc/run"])
def test_a_place_that_cannot_be_written_to_is_refused_before_the_data_are_looked_at(place, recipe_file, tmp_path):
    if place.startswith("/proc") and not os.path.isdir("/proc"):
        pytest.skip("needs Linux's /proc")
    (tmp_path / "file").write_text("in the way")
    out = Path(place.replace("FILE", str(tmp_path / "file")))
    with pytest.raises(InputRefused, match="cannot write to") as refusal:
        train(read_recipe(str(recipe_file)), tmp_path / "no data", out, device="cpu")
    assert "\n" not in str(refusal.value)
    assert (tmp_path / "file").read_text() == "in the way"


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("network.arguments.foo=1", "unknown argument 'foo' of UNet-Narrow"),
        ("network.arguments.base_filters=1000", "base_filters of UNet-Narrow must be"),
        ("loss.arguments.bogus=3", "unknown argument 'bogus' of the loss bce"),
        ("gate.network.arguments.foo=1", "unknown argument 'foo' of XceptionGate"),
    ],
)
def test_network_and_loss_are_judged_before_the_data_are_looked_at(setting, words, recipe_file, tmp_path):
    gate = ["gate.network.name=XceptionGate"] if setting.startswith("gate") else []
    with pytest.raises(InputRefused, match=words):
        train(read_recipe(str(recipe_file), [*gate, setting]), tmp_path / "no data", tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("there", [False, True])
def test_a_run_refused_before_it_began_leaves_no_voxels_of_patients(there, data, recipe_file, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    out = tmp_path / "run"
    if there:
        out.mkdir()
    with pytest.raises(InputRefused, match="no CUDA graphics card"):
        train(read_recipe(str(recipe_file)), data, out, device="cuda", threads=1)
    assert (list(out.iterdir()) == []) if there else not out.exists()


def test_a_model_begun_with_stays_as_it_is_and_its_first_half_rests_first(trained, data, recipe_file, tmp_path):
    before = (trained / "weights.safetensors").read_bytes()
    settings = ["run.half_frozen_steps=2", "run.steps=2", "run.batch_norm=frozen", "schedule.warm_up=0"]
    train(read_recipe(str(recipe_file), settings), data, tmp_path / "next", trained, device="cpu", threads=1)
    old, new = weights(trained), weights(tmp_path / "next")
    names = [name for name, _weight in load_model(trained).network.named_parameters()]
    moved = [not torch.equal(old[name], new[name]) for name in names]
    assert not any(moved[: len(names) // 2])
    assert all(moved[len(names) // 2 :])
    assert all(torch.equal(old[name], new[name]) for name in old if "running" in name)
    assert (trained / "weights.safetensors").read_bytes() == before
    assert load_model(tmp_path / "next").card.provenance["parent"] == load_model(trained).digest


def test_what_the_model_begun_with_was_taught_stands_on_the_new_ones_card_too(trained, recipe_file, tmp_path):
    others = tmp_path / "others"
    for number in range(2):
        write_case(others, f"Elsewhere-{number}", 90 + number)
    settings = ["run.steps=1", "data.validation_share=0"]
    train(read_recipe(str(recipe_file), settings), others, tmp_path / "next", trained, device="cpu", threads=1)
    old, new = (load_model(folder).card for folder in (trained, tmp_path / "next"))
    assert all(patient_taught(new, f"Elsewhere-{number}") for number in range(2))
    for key in (IMAGES, PATIENTS):
        assert len(new.provenance[key]) == len(old.provenance[key]) + 2
        assert set(old.provenance[key]) < set(new.provenance[key])


def test_two_stages_make_one_model_with_its_gate(data, recipe_file, tmp_path):
    file = tmp_path / "two.toml"
    file.write_text(
        SMALL
        + '[gate]\nnetwork = { name = "XceptionGate", arguments = { widths = [2, 2, 4, 4], middle_blocks = 0 } }\n'
        + "sampling = { positive_share = 0.5 }\n"
    )
    settings = ["run.steps=2", "run.validation_windows=4", "optimiser.learning_rate=find", "optimiser.find_steps=20"]
    train(read_recipe(str(file), settings), data, tmp_path / "two", device="cpu", threads=1)
    model = load_model(tmp_path / "two")
    assert model.card.gate == "gate"
    assert model.gate.card.task == "gate"
    assert model.gate.card.provenance["learning_rate"] != model.card.provenance["learning_rate"]
    assert "validation_correlation" in model.gate.card.provenance["metrics"]


@pytest.mark.parametrize("name", ["prompted", "automatic"])
def test_the_default_models_are_taught_by_recipes_too(name, tiny_data, tiny_backgrounds, tmp_path):
    settings = [f"data.lungs={tiny_backgrounds}", "network.arguments={widths=[4,4,4,4], blocks=[1,1,1,1]}"]
    settings += ["run.steps=3", "run.batch=2", "run.precision='32'", "run.workers=0", "run.validate_every=100"]
    teaching = of_nodules(read_recipe(name, settings), tiny_data)
    learn(teaching, tmp_path / name, None, None, "cpu", unheard, print)
    card = load_model(tmp_path / name).card
    assert (card.task, card.window) == (name, (48, 48, 48))
    assert card.provenance["cases"]["train"]["nodules"] > 0
    assert str(tiny_backgrounds) not in (tmp_path / name / "model.json").read_text()
    with pytest.raises(InputRefused, match=r"data\.lungs=FOLDER"):
        of_nodules(read_recipe(name), tiny_data)


def test_a_checkpoint_comes_back_as_it_was_and_a_damaged_one_is_refused(tmp_path):
    state = {"a": {0: {"step": torch.tensor(3.0)}, 1: {}}, "b": [1, 0.1, None, True, "x"], "c": torch.ones(2, 3).T}
    path = tmp_path / "checkpoint.safetensors"
    write_checkpoint(path, state)
    back = read_checkpoint(path)
    assert back["a"] == state["a"]
    assert back["b"] == state["b"]
    assert torch.equal(back["c"], state["c"])
    content = path.read_bytes()
    for damaged in (content[:40], b"", b"\x80\x04pickle", content[: len(content) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(InputRefused, match="not a whole checkpoint"):
            read_checkpoint(path)
    with pytest.raises(TypeError):
        safe_checkpoints.write_checkpoint(path, {"made": object()})


def test_help_worker_and_inference_leave_lightning_unloaded():
    script = """
import sys
import LungTumorSegLib.command.main, LungTumorSegLib.command.train
import LungTumorSegLib.inference.session, LungTumorSegLib.worker.resident
print(sorted(name for name in ("lightning", "skimage", "tensorboard") if name in sys.modules))
"""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []
