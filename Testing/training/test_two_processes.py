"""Two processes of half a batch each learn what one learns of the whole batch."""

import os
import subprocess
import sys

import torch
from made_cases import make_cases

from LungTumorSegLib.networks.model import load_card, load_model

RECIPE = """
[network]
name = "UNet-Narrow"
arguments = {{ base_filters = 2, batch_norm = {batch_norm}, dropout = 0.0 }}
[data]
window = [16, 16]
validation_share = 0.25
[augmentation]
flip = ["left-right"]
[loss]
name = "dice-ce"
[optimiser]
name = "sgd"
learning_rate = 0.01
[run]
steps = 6
steps_an_epoch = 2
batch = 4
workers = 0
validation_windows = 8
batch_norm = "{statistics}"
"""
SCRIPT = """
import os, sys
from pathlib import Path
import torch
from LungTumorSegLib.training.case_samples import CaseSamples
from LungTumorSegLib.training.recipe_file import read_recipe
from LungTumorSegLib.training.training_run import train
data, *rest = map(Path, sys.argv[1:])
plain = CaseSamples.__call__
def poisoned(self, rng, step):
    image, target, known = plain(self, rng, step)
    spoilt = self.changed and step == 2 and os.environ.get("RANK") != "0"  # of two processes the second's half
    return image * torch.nan if spoilt else image, target, known
for recipe, out in zip(rest[::2], rest[1::2]):
    CaseSamples.__call__ = poisoned if recipe.stem == "poisoned" else plain
    train(read_recipe(str(recipe)), data, out, device="cpu", threads=1)
"""


def weights(folder) -> dict[str, torch.Tensor]:
    return load_model(folder).network.state_dict()


def test_two_processes_that_share_a_batch_learn_the_weights_of_one(tmp_path):
    """Without batch norm, and with its statistics frozen: on processors torch cannot share them between processes; and
    where the samples of one give no numbers: all skip that step."""
    data = make_cases(tmp_path / "cases")
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    pairs: dict[str, list] = {"one": [], "two": []}
    kinds = {"without": ("false", "learnt"), "frozen": ("true", "frozen"), "poisoned": ("false", "learnt")}
    for kind, (batch_norm, statistics) in kinds.items():
        recipe = tmp_path / f"{kind}.toml"
        recipe.write_text(RECIPE.format(batch_norm=batch_norm, statistics=statistics))
        for processes, words in pairs.items():
            words += [str(recipe), str(tmp_path / f"{kind}-{processes}")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    many = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    started = [
        subprocess.Popen([*start, str(script), str(data), *pairs[processes]], env=environment)
        for processes, start in (("one", [sys.executable]), ("two", many))
    ]
    assert [process.wait(timeout=600) for process in started] == [0, 0]
    for kind in kinds:
        for processes in pairs:
            facts = load_card(tmp_path / f"{kind}-{processes}").provenance
            assert (facts["steps_done"], facts["steps_skipped"]) == (6, int(kind == "poisoned"))
        one, two = weights(tmp_path / f"{kind}-one"), weights(tmp_path / f"{kind}-two")
        assert one.keys() == two.keys()
        for name in one:
            torch.testing.assert_close(two[name], one[name], rtol=1e-4, atol=1e-6)
