"""What a shipped or promoted model is fine-tuned with: a site's corrected scans.

The model says its network, grid and HU range itself; the recipe says how much is learnt, and what is kept of the base.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from LungTumorSegLib.cases.case import Dataset
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.model import Model
from LungTumorSegLib.training import clicks
from LungTumorSegLib.training.corrected_blocks import CorrectedBlocks, prepare_blocks
from LungTumorSegLib.training.corrected_clicks import CorrectedClicks, prepare_clicks
from LungTumorSegLib.training.prepared import data_digest, split_by_patient
from LungTumorSegLib.training.recipe import Recipe
from LungTumorSegLib.training.taught import taught_facts
from LungTumorSegLib.training.teaching import Teaching
from LungTumorSegLib.training.watching import Progress

AND_OF_THE_SITE = "; fine-tuned on data of a site, whose terms apply as well"


def of_corrected(recipe: Recipe, dataset: Dataset, base: Model | None, folder: Path, progress: Progress) -> Teaching:
    """folder : of the prepared cases. Cases of the dataset's own test part are left alone.

    `InputRefused` without a model to begin with, for one that reads other than one CT in 3D, and for cases without an
    outline.
    """
    recipe = completed(recipe, base)
    cases = [case for case in dataset.cases if case.has_mask and case.part != "test"]
    if not cases:
        raise InputRefused("the data holds no case with a mask to train on: add the masks")

    def told(done: float) -> None:
        progress(f"preparing {len(cases)} cases", done, None)

    prompted = base.card.task == "prompted"
    files = prepare_clicks(cases, base.card, folder, told) if prompted else prepare_blocks(cases, base, folder, told)
    training, validation = split_by_patient(files, recipe.data.validation_share, recipe.run.seed)
    patients = {file.patient for file in training}
    before = base.card.provenance
    facts = {
        "data_sha256": data_digest(files),
        "cases": {"train": summary(training), "validation": summary(validation)},
        "split": f"by patient, by SHA-256 of '{recipe.run.seed}:<patient>', those with and without target alike",
        "validation_cases_sha256": sorted({file.digest for file in validation}),
        **taught_facts(case for case in cases if case.patient in patients),
        "base": {key: before[key] for key in ("collections", "warning") if key in before} | {"name": base.card.name},
    }

    def samples(files: list, changed: bool):
        if prompted:
            files = [file for file in files if file.found]
            return CorrectedClicks(files, base.card, recipe, changed) if files else None
        return CorrectedBlocks(files, recipe, base.card.hu_range, changed) if files else None

    return Teaching(
        recipe,
        samples(training, True),
        samples(validation, False),
        base.card.classes,
        base.card.channels,
        facts,
        clicks.corrected if prompted else None,
        base.card,
    )


def completed(recipe: Recipe, base: Model | None) -> Recipe:
    """The recipe with what the model says itself."""
    if base is None:
        raise InputRefused("fine-tuning needs a model to begin with: name it with --from")
    card = base.card
    if card.task != recipe.task:
        raise InputRefused(f"the model {card.name} is {card.task}, the recipe {recipe.name} tunes {recipe.task} ones")
    if card.window is None or len(card.window) != 3 or card.channels != ("CT",) or len(card.classes) != 1:
        raise InputRefused(f"the model {card.name} is no 3D network for tumours on CT: train it by another recipe")
    data = replace(
        recipe.data,
        spacing_mm=card.spacing_mm,
        hu_range=card.hu_range,
        target=card.classes[0],
        activation=card.activation,
    )
    network = replace(recipe.network, name=card.network, arguments=dict(card.arguments))
    chosen = replace(recipe.card, threshold=card.threshold)
    return replace(recipe, data=data, network=network, card=chosen)


def summary(files: list) -> dict:
    return {
        "patients": len({file.patient for file in files}),
        "cases": len(files),
        "with_target": sum(file.found > 0 for file in files),
    }


def tuned_card(base: ModelCard, name: str, provenance: dict) -> ModelCard:
    """The base's card for the tuned weights: what was not learnt is as it was."""
    licence = base.licence.removesuffix(AND_OF_THE_SITE)[: 1000 - len(AND_OF_THE_SITE)] + AND_OF_THE_SITE
    return replace(base, name=name, licence=licence, provenance=provenance)


def blended(base: dict[str, torch.Tensor], tuned: dict[str, torch.Tensor], share: float) -> dict[str, torch.Tensor]:
    """Weights between the base's (share 0) and the tuned ones (1): WiSE-FT, Wortsman et al., "Robust fine-tuning of
    zero-shot models", CVPR 2022. Whole numbers are the tuned ones'."""
    return {
        name: torch.lerp(base[name].float(), each.float(), share) if each.is_floating_point() else each
        for name, each in tuned.items()
    }
