"""A recipe carried out: Lightning's trainer put together, begun or resumed, and run to its end."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import logging
import tempfile
import warnings
from importlib.util import find_spec
from math import isfinite
from pathlib import Path

import lightning.pytorch as pl
import torch
from lightning.pytorch.tuner import Tuner
from torch import nn

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.precision import native_half
from LungTumorSegLib.training.averaging import averaging_of
from LungTumorSegLib.training.curves import Curves
from LungTumorSegLib.training.learner import Learner, Revise
from LungTumorSegLib.training.lessons import Lessons, Make
from LungTumorSegLib.training.machines import processes, trainer_arguments
from LungTumorSegLib.training.recipe import Recipe
from LungTumorSegLib.training.recipe_file import as_values
from LungTumorSegLib.training.safe_checkpoints import BEST, CHECKPOINT, SafeCheckpoints, read_checkpoint
from LungTumorSegLib.training.sound_steps import SoundSteps
from LungTumorSegLib.training.watching import CtrlC, Keeping, Patience, Progress, Telling, unheard
from LungTumorSegLib.volume.whole_file import write_whole

PLAN = "run.json"


def fit(
    network: nn.Module,
    recipe: Recipe,
    training: Make,
    validation: Make | None,
    folder: Path,
    facts: dict,
    begun_with_model: bool = False,
    revise: Revise | None = None,
    device: str = "auto",
    progress: Progress = unheard,
    base: nn.Module | None = None,
) -> dict:
    """Trains, going on from the folder's checkpoint where there is one, and returns what is to be published.

    base : as for `Learner`.
    facts : what a resumed run must have in common with the one before, beside the recipe: JSON-ready.
    Returns "weights" (of the network, averaged where the recipe says so), "steps", how many of them were "skipped",
    "learning_rate", "loss" and "validation_score". Raises `Cancelled` on Ctrl-C, with the last epoch's checkpoint in
    the folder, and `InputRefused` where the run in the folder is another one or comes to nothing (`SoundSteps`).
    """
    quieten()
    folder.mkdir(parents=True, exist_ok=True)
    norms = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules())
    machine = trainer_arguments(device, recipe.run.batch, norms)
    machine["plugins"] = [*machine.get("plugins", []), SafeCheckpoints()]
    rate = planned_rate(folder / PLAN, recipe, facts)
    if rate is None:
        rate = recipe.optimiser.learning_rate
        if rate == "find":
            progress("finding the learning rate", 0.0, None)
            rate = found_rate(network, recipe, training, machine)
        if processes()[2] == 0:
            write_whole(folder / PLAN, json.dumps(plan_of(recipe, facts) | {"learning_rate": rate}).encode())
    run, validates = recipe.run, validation is not None
    ctrl_c, sound = CtrlC(), SoundSteps()
    trainer = pl.Trainer(
        **machine,
        **quiet(folder),
        logger=tensorboard(folder),
        max_steps=run.steps,
        precision=precision_on(machine["accelerator"]) if run.precision == "auto" else run.precision,
        gradient_clip_val=recipe.optimiser.clip or None,
        check_val_every_n_epoch=run.validate_every,
        limit_val_batches=1.0 if validates else 0,
        callbacks=[
            *averaging_of(recipe),
            *([Patience(run.patience)] if run.patience and validates else []),
            sound,
            ctrl_c,
            Telling(progress, run.steps, sound),
            Curves(folder, "correlation (MCC)" if recipe.task == "gate" else "Dice"),
            Keeping(folder, run.choose == "best" and validates),
        ],
    )
    checkpoint = folder / CHECKPOINT
    with ctrl_c:
        trainer.fit(
            Learner(network, recipe, rate, begun_with_model, revise, base),
            datamodule=Lessons(recipe, training, validation),
            ckpt_path=checkpoint if checkpoint.is_file() else None,
        )
    trainer.strategy.barrier()
    return outcome(folder, rate)


def precision_on(accelerator: str) -> str:
    """ "bf16-mixed" where the hardware multiplies in it; elsewhere it is emulated, many times slower."""
    return "bf16-mixed" if native_half(torch.device("cuda" if accelerator == "gpu" else "cpu")) else "32"


def plan_of(recipe: Recipe, facts: dict) -> dict:
    values = as_values(recipe) | {"gate": None}  # the first stage is a run of its own
    values["run"].pop("workers")  # they change nothing of what is learnt
    return json.loads(json.dumps({"recipe": values, **facts}))


def planned_rate(path: Path, recipe: Recipe, facts: dict) -> float | None:
    """The learning rate of the run that has begun here; None where none has. Refuses to go on with another plan."""
    if not path.is_file():
        return None
    before = json.loads(path.read_text())
    rate = before.pop("learning_rate")
    noted = {key: fact for key, fact in facts.items() if key in before}  # a run of an older version noted fewer
    if other := difference(before, plan_of(recipe, noted)):
        raise InputRefused(f"the run in {path.parent.name} had another {other}: resume as it was, or start a new one")
    return rate


def difference(before: dict, now: dict) -> str | None:
    """The dotted name of the first value that is not the same."""
    for key in sorted(before.keys() | now.keys()):
        old, new = before.get(key), now.get(key)
        if old != new:
            if isinstance(old, dict) and isinstance(new, dict):
                return f"{key}.{difference(old, new)}"
            return key
    return None


def outcome(folder: Path, rate: float) -> dict:
    """Of the best epoch where one was kept, else of the last."""
    best = folder / BEST
    state = read_checkpoint(best if best.is_file() else folder / CHECKPOINT)
    rows = state["callbacks"]["Curves"]["rows"]
    losses = [row["loss"] for row in rows if isfinite(row["loss"])]
    scores = [row["validation_score"] for row in rows if row["validation_score"] is not None]
    return {
        "weights": {name[8:]: each for name, each in state["state_dict"].items() if name.startswith("network.")},
        "steps": state["global_step"],
        "skipped": state["callbacks"].get("SoundSteps", {}).get("skipped", 0),
        "learning_rate": rate,
        "loss": losses[-1] if losses else None,
        "validation_score": scores[-1] if scores else None,
    }


def found_rate(network: nn.Module, recipe: Recipe, training: Make, machine: dict) -> float:
    """The learning rate that Lightning's range test suggests (Smith 2017), on a copy of the network."""
    if machine["devices"] * machine["num_nodes"] > 1:
        raise InputRefused(
            "recipe: optimiser.learning_rate = 'find': find it in one process, then give the number to many"
        )
    steps = recipe.optimiser.find_steps
    with (
        tempfile.TemporaryDirectory() as folder,
        torch.random.fork_rng(devices=[]),
        contextlib.redirect_stderr(io.StringIO()),  # Lightning's own bar
    ):
        trainer = pl.Trainer(**machine, **quiet(Path(folder)), logger=False, max_steps=steps)
        test = Tuner(trainer).lr_find(
            Learner(copy.deepcopy(network), recipe, 1e-3),
            datamodule=Lessons(recipe, training, None),
            min_lr=1e-7,
            max_lr=1.0,
            num_training=steps,
        )
    rate = test.suggestion() if test else None
    if rate is None:
        raise InputRefused(
            "recipe: optimiser.learning_rate = 'find': no rate was seen to lower the loss: give a number, or raise "
            "optimiser.find_steps or run.batch"
        )
    return float(rate)


def quiet(folder: Path) -> dict:
    """Nothing of Lightning's own on screen or disk: progress, curves and checkpoints are ours."""
    return {
        "default_root_dir": folder,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
        "num_sanity_val_steps": 0,
        "use_distributed_sampler": False,
        "inference_mode": False,  # weights made there could not be learnt any more
    }


def tensorboard(folder: Path):
    if find_spec("tensorboard") is None:
        return False
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(folder, name="tensorboard", version="")


def quieten() -> None:
    logging.getLogger("lightning").setLevel(logging.ERROR)
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    logging.getLogger("lightning.fabric").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
