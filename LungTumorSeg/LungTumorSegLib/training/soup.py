"""The mean of several models' weights as a new model: runs that began with the same weights, or with one another's,
lie in one valley, and its middle answers unseen cases better than its slopes (model soup, Wortsman et al., ICML 2022).

``python -m LungTumorSegLib.training.soup RUN RUN ... -o SOUP``
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks.model import Model, load_model, save_model

ALIKE = (
    "task",
    "network",
    "arguments",
    "spacing_mm",
    "window",
    "hu_range",
    "adjacent_slices",
    "activation",
    "channels",
)
MEASURED = ("metrics", "known_failures")  # of one of the models, not of their mean
TAUGHT = ("training_images_sha256", "training_patients_sha256")  # whoever taught one of them taught the soup


def mean_weights(models: list[Model]) -> dict[str, torch.Tensor]:
    """The mean of each weight and of the norms' statistics; whole numbers (counts) are the first model's."""
    states = [model.network.state_dict() for model in models]
    return {
        name: torch.stack([state[name] for state in states]).mean(0) if first.is_floating_point() else first
        for name, first in states[0].items()
    }


def write_soup(folders: list[str | Path], out: Path) -> None:
    """Writes the folder `out`, which must not exist. Its card is the first model's without what was measured of that;
    `soup` names the SHA-256 of all the weights.

    Raises `InputRefused` for fewer than two models, for models that do not answer alike (another network, grid or task)
    or that have a gate, and as by `load_model` and `save_model`.
    """
    models = [load_model(folder) for folder in folders]
    if len(models) < 2:
        raise InputRefused("a mean needs two models or more")
    first = models[0]
    for folder, model in zip(folders, models, strict=True):
        if model.gate is not None:
            raise InputRefused(f"{folder} has a gate: only models without one are averaged")
        if different := [field for field in ALIKE if getattr(model.card, field) != getattr(first.card, field)]:
            raise InputRefused(f"{folder} differs from {folders[0]} in {different[0]}: their mean has no meaning")
    provenance = {key: value for key, value in first.card.provenance.items() if key not in MEASURED}
    for key in TAUGHT:
        provenance[key] = sorted({digest for model in models for digest in model.card.provenance.get(key, ())})
    provenance["soup"] = [model.digest for model in models]
    first.network.load_state_dict(mean_weights(models))
    save_model(out, first.network, replace(first.card, name=out.name, provenance=provenance))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("models", nargs="+", help="names or folders")
    arguments.add_argument("-o", "--out", type=Path, required=True, help="the new folder, its name the model's")
    given = arguments.parse_args()
    try:
        write_soup(given.models, given.out)
    except InputRefused as refusal:
        raise SystemExit(f"{refusal}") from None


if __name__ == "__main__":
    main()
