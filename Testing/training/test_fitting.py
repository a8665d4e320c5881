"""What a recipe says of rates, precision and memory is what happens in a run (`fitting.fit`)."""

import csv
import os
import signal
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_cases import make_cases

from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.errors import Cancelled
from LungTumorSegLib.inference.precision import native_half
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.training import fitting
from LungTumorSegLib.training.case_samples import CaseSamples
from LungTumorSegLib.training.learner import rate_share
from LungTumorSegLib.training.prepared import prepare
from LungTumorSegLib.training.recipe import Data, Network, Recipe
from LungTumorSegLib.training.recipe_file import read_recipe
from LungTumorSegLib.training.teaching import of_cases
from LungTumorSegLib.training.watching import unheard

RECIPE = """
[network]
name = "UNet-Narrow"
arguments = { base_filters = 2 }
[data]
window = [16, 16]
validation_share = 0.25
[optimiser]
learning_rate = 0.01
[run]
steps = 8
steps_an_epoch = 1
batch = 2
workers = 0
validation_windows = 2
validate_every = 100
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_cases(tmp_path_factory.mktemp("data") / "cases")


@pytest.fixture
def teach(data, tmp_path):
    """Runs the recipe with settings, into a folder of that name; looks may be given a hook at the network."""

    def run(name: str, *settings: str, look=lambda network: None, told=unheard) -> dict:
        file = tmp_path / "small.toml"
        file.write_text(RECIPE)
        teaching = of_cases(read_recipe(str(file), settings), read_dataset(data), tmp_path / "prepared", unheard)
        torch.manual_seed(0)
        network = catalogue.build(teaching.recipe.network.name, **teaching.recipe.network.arguments)
        look(network)
        taught = (teaching.training, teaching.validation)
        return fitting.fit(
            network, teaching.recipe, *taught, tmp_path / name, {"data_sha256": "x"}, device="cpu", progress=told
        )

    return run


@pytest.mark.parametrize("settings", [["name=cosine", "lowest=0.1"], ["name=cyclic", "cycles=2", "warm_up=2"]])
def test_the_rate_of_every_step_is_the_schedule_s(settings, teach, tmp_path):
    settings = [f"schedule.{each}" for each in settings]
    teach("run", *settings)
    schedule = read_recipe(str(tmp_path / "small.toml"), settings).schedule
    rows = list(csv.DictReader((tmp_path / "run" / "curves.csv").open()))
    wanted = [0.01 * rate_share(step, schedule, 8) for step in range(1, 9)]  # of the step that comes next
    assert [float(row["learning_rate"]) for row in rows] == pytest.approx(wanted)
    assert len(set(wanted)) > 4


def test_looking_for_the_rate_teaches_nothing_and_is_done_once(teach, monkeypatch):
    asked = []
    search = fitting.found_rate
    monkeypatch.setattr(fitting, "found_rate", lambda *given: asked.append(search(*given)) or asked[-1])

    def stop(stage, fraction, left=None):
        if stage.startswith("step 4 "):
            os.kill(os.getpid(), signal.SIGINT)

    looking = ("optimiser.learning_rate=find", "optimiser.find_steps=40", "sampling.positive_share=1")
    with pytest.raises(Cancelled):
        teach("found", *looking, told=stop)
    found = teach("found", *looking)
    assert asked == [found["learning_rate"]]
    assert 1e-7 < asked[0] < 1
    given = teach("given", f"optimiser.learning_rate={asked[0]!r}", "sampling.positive_share=1")
    assert all(torch.equal(given["weights"][name], each) for name, each in found["weights"].items())


@pytest.mark.parametrize(("precision", "kind"), [("32", torch.float32), ("bf16-mixed", torch.bfloat16)])
def test_mixed_precision_computes_in_half_and_keeps_whole_weights(precision, kind, teach):
    seen = set()

    def look(network):
        layer = next(each for each in network.modules() if isinstance(each, torch.nn.Conv2d))
        layer.register_forward_hook(lambda module, inputs, output: seen.add((output.dtype, module.weight.dtype)))

    told = teach("run", f'run.precision="{precision}"', "run.steps=2", look=look)
    assert seen == {(kind, torch.float32)}
    assert all(each.dtype in (torch.float32, torch.int64) for each in told["weights"].values())


def test_automatic_precision_is_half_where_the_processor_multiplies_in_it():
    half = native_half(torch.device("cpu")) is not None
    assert fitting.precision_on("cpu") == ("bf16-mixed" if half else "32")


def test_windows_are_read_and_not_cases(data, tmp_path):
    """Whatever the size of a case, a window takes the memory of a window."""
    prepared = prepare(read_dataset(data).cases[:2], Data(window=(16, 16)), tmp_path / "prepared")
    recipe = Recipe("tried", network=Network("UNet-Narrow"), data=Data(window=(16, 16)))

    def peak(cases) -> int:
        samples = CaseSamples(cases, (1,), recipe, changed=False)
        samples(np.random.default_rng(0), 0)  # opens the files
        tracemalloc.start()
        for number in range(20):
            samples(np.random.default_rng(number), 0)
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    small = peak(prepared)
    assert peak(enlarged(prepared, tmp_path)) < 1.5 * small


def enlarged(prepared, folder):
    """The same cases with 200 times the voxels, 3 MB each."""
    from safetensors.numpy import load_file, save_file

    larger = []
    for number, case in enumerate(prepared):
        tensors = load_file(case.path)
        times = (1, 5, 10, 20)
        tensors["image"] = np.tile(tensors["image"], times)
        tensors["labels"] = np.tile(tensors["labels"], times[1:])
        path = folder / f"larger-{number}.safetensors"
        save_file(tensors, path)
        larger.append(replace(case, path=path, shape=tensors["labels"].shape))
    return larger
