"""From a recipe and a folder of data to a model folder: checked, prepared, learnt, written with its card."""

from __future__ import annotations

import copy
import os
import platform
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path

import torch

from LungTumorSegLib.cases.checking import check_dataset
from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.cases.problem import STOPS
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.card import NAME, ModelCard
from LungTumorSegLib.networks.model import CARD, WEIGHTS, Model, load_model, save_model
from LungTumorSegLib.training.fine_tuning import blended, completed, of_corrected, tuned_card
from LungTumorSegLib.training.fitting import PLAN, fit
from LungTumorSegLib.training.learner import loss_of
from LungTumorSegLib.training.machines import processes
from LungTumorSegLib.training.prepared import holds_more, take_away
from LungTumorSegLib.training.recipe import CORRECTED, Recipe
from LungTumorSegLib.training.recipe_file import as_values
from LungTumorSegLib.training.safe_checkpoints import BEST, CHECKPOINT
from LungTumorSegLib.training.taught import with_taught_before
from LungTumorSegLib.training.teaching import Teaching, of_cases, of_nodules
from LungTumorSegLib.training.watching import Progress, unheard
from LungTumorSegLib.volume.writing import check_place, make_folder

WARNING = "Research only, not a medical device."
PREPARED, GATE, FINISHED = "prepared", "gate", ".finished"


def train(
    recipe: Recipe,
    data: Path,
    out: Path,
    parent: str | Path | None = None,
    resume: bool = False,
    device: str = "auto",
    threads: int | None = None,
    progress: Progress = unheard,
    say: Callable[[str], None] = lambda line: None,
) -> None:
    """Trains the recipe on the data; `out` is the run's folder and, once finished, the model's.

    parent : a model to begin with, which stays as it is. resume : go on with the run in `out`, where one has begun.
    threads : of the processor; the same number gives the same bits. say : told what the user should know, by the line.
    Raises `InputRefused` for data that must not be trained on, another run in `out`, or a recipe that does not fit the
    data; `Cancelled` on Ctrl-C.
    """
    if threads:
        torch.set_num_threads(threads)
    begun = (out / PLAN).is_file() or (out / GATE / PLAN).is_file()
    if (out / CARD).exists():
        if resume:
            for stage in (out / GATE, out):
                if (stage / CARD).is_file():
                    drop_aids(stage)  # it may have been killed before it did so itself
            say("the run is finished: nothing is left to do")
            return
        raise InputRefused(f"{out.name} is a finished model: choose another folder with -o")
    check_place(out)
    if (begun or is_used(out)) and not resume and processes()[2] == 0:
        raise InputRefused(f"{out.name} is not empty: go on with its run by --resume, or choose another folder with -o")
    first = load_model(parent) if parent else None
    refuse_bad_recipe(recipe, first)
    if not begun and processes()[2] == 0:
        refuse_bad_data(data, progress, say)
    with forgotten_if_refused(out):
        both_stages(recipe, data, out, first, device, progress, say)


def both_stages(
    recipe: Recipe,
    data: Path,
    out: Path,
    first: Model | None,
    device: str,
    progress: Progress,
    say: Callable[[str], None],
) -> None:
    """The gate, where the recipe has one, and the segmentation: each prepared and learnt."""
    gate = None
    if recipe.gate and not (out / GATE / CARD).is_file():
        say("first stage: the gate")
        teaching = of_cases(recipe.gate, read_dataset(data), out / GATE / PREPARED, progress)
        learn(teaching, out / GATE, first and first.gate, None, device, progress, say)
    if recipe.gate:
        gate = load_model(out / GATE)
        say("second stage: the segmentation")
    if recipe.data.source == CORRECTED:
        teaching = of_corrected(recipe, read_dataset(data), first, out / PREPARED, progress)
    elif recipe.data.source == "nodules-in-lungs":
        teaching = of_nodules(recipe, data)
    else:
        teaching = of_cases(recipe, read_dataset(data), out / PREPARED, progress)
    learn(teaching, out, first, gate, device, progress, say)


@contextmanager
def forgotten_if_refused(out: Path) -> Iterator[None]:
    """Makes the run's folder. What is refused before it began leaves no patient's voxels there, nor an empty folder."""
    there = out.is_dir()
    make_folder(out)
    try:
        yield
    except InputRefused:
        for stage in (out / GATE, out):
            if not (stage / PLAN).is_file():
                take_away(stage / PREPARED)
                if stage != out or not there:
                    with suppress(OSError):  # it holds more
                        stage.rmdir()
        raise


def is_used(folder: Path) -> bool:
    """True where it holds more than another process of the same run, or one that was killed, may have prepared."""
    if not folder.is_dir():
        return os.path.lexists(folder)
    known = {PREPARED: holds_more, GATE: is_used}
    return any(path.name not in known or known[path.name](path) for path in folder.iterdir())


def refuse_bad_recipe(recipe: Recipe, first: Model | None) -> None:
    """What fitting would refuse, before the data are looked at: checking and preparing them may take hours."""
    if recipe.data.source == CORRECTED:
        recipe = completed(recipe, first)
    for stage in (recipe, recipe.gate):
        if stage:
            catalogue.refuse_arguments(catalogue.entry(stage.network.name), stage.network.arguments)
            loss_of(stage)


def refuse_bad_data(data: Path, progress: Progress, say: Callable[[str], None]) -> None:
    report = check_dataset(data, progress=lambda done, all_: progress(f"checking {all_} cases", done / all_, None))
    worst = [problem for problem in report.problems if problem.severity == STOPS]
    if worst:
        first = worst[0]
        raise InputRefused(
            f"the data must not be trained on ({len(worst)} problems): {first.case}: {first.what}; "
            "`lungtumorseg check` shows all"
        )
    if report.problems:
        say(f"note: {len(report.problems)} warnings about the data; `lungtumorseg check` shows them")


def learn(
    teaching: Teaching,
    folder: Path,
    parent: Model | None,
    gate: Model | None,
    device: str,
    progress: Progress,
    say: Callable[[str], None],
) -> None:
    """Fits the network and writes the model's files into the run's folder."""
    recipe = teaching.recipe
    torch.manual_seed(recipe.run.seed)
    network = catalogue.build(recipe.network.name, **recipe.network.arguments)
    if parent:
        begin_with(network, recipe, parent)
    elif recipe.run.half_frozen_steps:
        say("note: no half-frozen start, since no model is begun with (--from)")
    facts = teaching.identity | {"parent": parent.digest if parent else None}
    outcome = fit(
        network,
        recipe,
        teaching.training,
        teaching.validation,
        folder,
        facts,
        begun_with_model=parent is not None,
        revise=teaching.revise,
        device=device,
        progress=progress,
        base=copy.deepcopy(parent.network) if parent and recipe.base.answer else None,
    )
    if processes()[2] == 0:
        weights = outcome.pop("weights")
        if outcome["skipped"]:
            say(f"note: {outcome['skipped']} of {outcome['steps']} steps were skipped: they gave no numbers")
        if parent and recipe.base.blend < 1:
            weights = blended(parent.network.state_dict(), weights, recipe.base.blend)
        network.cpu().load_state_dict(weights)
        publish(network, teaching, folder, outcome, parent, gate)
    if torch.distributed.is_initialized():
        torch.distributed.barrier()


def begin_with(network: torch.nn.Module, recipe: Recipe, parent: Model) -> None:
    card = parent.card
    if card.network != recipe.network.name:
        raise InputRefused(
            f"the model {card.name} is a {card.network}, the recipe trains {recipe.network.name}: "
            f"--set network.name={card.network}"
        )
    try:
        network.load_state_dict(parent.network.state_dict())
    except RuntimeError:
        raise InputRefused(
            f"the model {card.name} has other arguments ({card.arguments}) than the recipe: set network.arguments"
        ) from None


def publish(
    network: torch.nn.Module, teaching: Teaching, folder: Path, outcome: dict, parent: Model | None, gate: Model | None
) -> None:
    """Weights and card into the run's folder, the card last: with it the folder is a model. The run's aids go."""
    card = card_of(teaching, name_of(folder), outcome, parent, gate)
    finished = folder / FINISHED
    shutil.rmtree(finished, ignore_errors=True)
    save_model(finished, network, card, gate)
    for name in (WEIGHTS, CARD):
        os.replace(finished / name, folder / name)
    drop_aids(folder)


def drop_aids(folder: Path) -> None:
    """What a finished run needs no more, patients' voxels among it."""
    shutil.rmtree(folder / FINISHED, ignore_errors=True)
    take_away(folder / PREPARED)
    for aid in (CHECKPOINT, BEST):
        (folder / aid).unlink(missing_ok=True)


def card_of(teaching: Teaching, name: str, outcome: dict, parent: Model | None, gate: Model | None) -> ModelCard:
    recipe, data = teaching.recipe, teaching.recipe.data
    is_gate = recipe.task == "gate"
    provenance = {
        "warning": WARNING,
        **(with_taught_before(teaching.facts, parent.card) if parent else teaching.facts),
        "recipe": as_values(recipe),
        "learning_rate": outcome["learning_rate"],
        "steps_done": outcome["steps"],
        "steps_skipped": outcome["skipped"],
        "versions": {name: version(name) for name in ("torch", "lightning", "monai", "numpy", "scipy", "SimpleITK")}
        | {"python": platform.python_version()},
        "parent": parent.digest if parent else None,
        "metrics": {
            "training_loss": outcome["loss"],
            "validation_correlation" if is_gate else "validation_dice_of_windows": outcome["validation_score"],
        },
    }
    if teaching.base:
        return tuned_card(teaching.base, name, provenance)
    return ModelCard(
        name=name,
        task=recipe.task,
        network=recipe.network.name,
        arguments=recipe.network.arguments,
        spacing_mm=data.spacing_mm,
        window=data.window if recipe.dimensions == 3 else None,
        hu_range=data.hu_range,
        adjacent_slices=data.adjacent_slices,
        threshold=recipe.card.threshold,
        overlap=recipe.card.overlap if recipe.dimensions == 3 and recipe.task == "automatic" else 0.0,
        licence=recipe.card.licence,
        classes=teaching.classes,
        activation="sigmoid" if is_gate else data.activation,
        channels=teaching.channels,
        gate=GATE if gate else None,
        provenance=provenance,
    )


def name_of(folder: Path) -> str:
    """The folder's name as a card can have it."""
    name = re.sub(r"[^A-Za-z0-9._-]", "-", folder.resolve().name).lstrip("._-")[:64]
    return name if NAME.fullmatch(name) else "model"
