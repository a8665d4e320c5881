"""What a recipe's network is taught from: a dataset's cases, or nodules set into lungs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path

from LungTumorSegLib.cases.case import Dataset
from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.cases.scan import PICTURE
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.training import clicks, prompted_samples, searching_samples
from LungTumorSegLib.training.backgrounds import read_backgrounds
from LungTumorSegLib.training.case_samples import CaseSamples
from LungTumorSegLib.training.crops import folder_digest, read_nodules
from LungTumorSegLib.training.learner import Revise
from LungTumorSegLib.training.lessons import Make
from LungTumorSegLib.training.machines import processes
from LungTumorSegLib.training.prepared import Prepared, data_digest, prepare, split_by_patient
from LungTumorSegLib.training.recipe import Recipe
from LungTumorSegLib.training.split import SPLIT, part_of
from LungTumorSegLib.training.taught import IMAGES, PATIENTS, taught_facts
from LungTumorSegLib.training.watching import Progress


@dataclass(frozen=True)
class Teaching:
    """recipe : with the network's channels filled in. training, validation : make samples; validation may be None.

    classes : names of what the network says, channels : of the images it reads. facts : for the card and to know the
    data again: hashes, counts, split. revise : as for `Learner`. base : the card of the model that is fine-tuned.
    """

    recipe: Recipe
    training: Make
    validation: Make | None
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    facts: dict
    revise: Revise | None = None
    base: ModelCard | None = None

    @property
    def identity(self) -> dict[str, str]:
        """SHA-256s of what is taught: the data, who of them teaches and who validates, and the lungs, where there are
        some. A run that is resumed must have them in common with the one before."""
        split = {key: self.facts.get(key) for key in ("validation_cases_sha256", IMAGES, PATIENTS)}
        known = {key: self.facts[key] for key in ("data_sha256", "lungs_sha256") if key in self.facts}
        return known | {"split_sha256": hashlib.sha256(json.dumps(split).encode()).hexdigest()}


def of_cases(recipe: Recipe, dataset: Dataset, folder: Path, progress: Progress) -> Teaching:
    """folder : of the prepared cases. Cases of the dataset's own test part are left alone."""
    recipe = with_channels(recipe, dataset)
    cases = [case for case in dataset.cases if case.has_mask and case.part != "test"]
    if not cases:
        raise InputRefused("the data holds no case with a mask to train on: add the masks")
    here, machines, rank = processes()
    prepared = prepare(
        cases,
        recipe.data,
        folder,
        lambda done: progress(f"preparing {len(cases)} cases", done, None),
        rank,
        here * machines,
    )
    teaching = of_prepared(recipe, dataset, prepared)
    patients = {case.patient for case in teaching.training.cases}
    return replace(teaching, facts=teaching.facts | taught_facts(case for case in cases if case.patient in patients))


def of_prepared(recipe: Recipe, dataset: Dataset, prepared: list[Prepared]) -> Teaching:
    training, validation = split_by_patient(prepared, recipe.data.validation_share, recipe.run.seed)
    labels = tuple(sorted(dataset.classes))
    one = recipe.data.classes == "union" or recipe.task == "gate"
    facts = {
        "data_sha256": data_digest(prepared),
        "cases": {"train": summary(training), "validation": summary(validation)},
        "split": f"by patient, by SHA-256 of '{recipe.run.seed}:<patient>', those with and without target alike",
        "validation_cases_sha256": sorted(case.digest for case in validation),
    }
    return Teaching(
        recipe,
        CaseSamples(training, labels, recipe),
        CaseSamples(validation, labels, recipe, changed=False) if validation else None,
        (recipe.data.target,) if one else tuple(dataset.classes[label] for label in labels),
        dataset.channels if recipe.dimensions == 3 else dataset.channels[:1],
        facts,
    )


def summary(cases: list[Prepared]) -> dict:
    return {
        "patients": len({case.patient for case in cases}),
        "cases": len(cases),
        "with_target": sum(case.found > 0 for case in cases),
    }


def with_channels(recipe: Recipe, dataset: Dataset) -> Recipe:
    """The recipe with as many channels as the data and the classes need, where it does not say them itself."""
    takes = catalogue.entry(recipe.network.name).arguments
    if dataset.channels == (PICTURE,) and recipe.data.hu_range is not None:
        raise InputRefused('the data are pictures, whose values are no HU: --set data.hu_range="own"')
    if recipe.dimensions == 2 and len(dataset.channels) > 1:
        raise InputRefused(f"{recipe.network.name} reads one image of a case, the data has {len(dataset.channels)}")
    outputs = 1 if recipe.data.classes == "union" else len(dataset.classes)
    needed = {
        "input_channels": recipe.data.adjacent_slices if recipe.dimensions == 2 else len(dataset.channels),
        "output_channels": outputs + (recipe.data.activation == "softmax"),
    }
    chosen = {**{key: value for key, value in needed.items() if key in takes}, **recipe.network.arguments}
    for key, value in needed.items():
        if key in takes and chosen[key] != value:
            raise InputRefused(f"recipe: network.arguments.{key} = {chosen[key]}: must be {value} for this data")
    return replace(recipe, network=replace(recipe.network, arguments=chosen))


def of_nodules(recipe: Recipe, data: Path) -> Teaching:
    """The default models': crops laid out as lidc-nodules, set into the whole lungs of `recipe.data.lungs`."""
    if not recipe.data.lungs:
        raise InputRefused("this recipe sets nodules into whole lungs: name their folder, --set data.lungs=FOLDER")
    is_prompted = recipe.task == "prompted"
    made = prompted_samples if is_prompted else searching_samples
    edge = 48 if is_prompted else searching_samples.EDGE
    spacing = (made.SPACING_MM,) * 3
    fixed = {"hu_range": made.HU_RANGE, "spacing_mm": spacing, "window": (edge,) * 3, "activation": "sigmoid"}
    for key, value in fixed.items():
        if getattr(recipe.data, key) != value:
            raise InputRefused(f"recipe: data.{key}: must be {value} for nodules set into lungs")
    parts: dict[str, list] = {"train": [], "validation": [], "test": []}
    for nodule in read_nodules(data):
        parts[part_of(nodule.patient)].append(nodule)
    if not parts["train"]:
        raise InputRefused("no nodule of the data belongs to training: give more patients")
    lungs = read_backgrounds(Path(recipe.data.lungs))
    if not is_prompted:
        lungs = [scan.thinned(searching_samples.THINNED_MM) for scan in lungs]

    def samples(part: str, windows: tuple[int, ...]) -> Make | None:
        if not parts[part]:
            return None
        if is_prompted:
            return prompted_samples.PromptedSamples(parts[part], lungs, windows)
        return searching_samples.SearchingSamples(parts[part], lungs, searching_samples.by_slices(lungs))

    takes = {"input_channels": 4 if is_prompted else 1, "output_channels": 1}
    network = replace(recipe.network, arguments={**takes, **recipe.network.arguments})
    facts = {
        "data_sha256": folder_digest(data),
        "lungs_sha256": folder_digest(Path(recipe.data.lungs)),
        "cases": {
            part: {"patients": len({nodule.patient for nodule in held}), "nodules": len(held)}
            for part, held in parts.items()
        },
        "split": SPLIT,
        **taught_facts(case for case in read_dataset(data).cases if part_of(case.patient) == "train"),
    }
    return Teaching(
        replace(recipe, network=network),
        samples("train", prompted_samples.WINDOWS),
        samples("validation", (edge,)),
        (recipe.data.target,),
        ("CT",),
        facts,
        clicks.corrected if is_prompted else None,
    )
