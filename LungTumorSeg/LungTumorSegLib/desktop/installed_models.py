"""The models in the module's Resources/Models, by their cards alone: no torch, no weights."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path

# Beside the folder that holds LungTumorSegLib, wherever Slicer loaded the module from.
FOLDER = Path(__file__).resolve().parents[2] / "Resources" / "Models"


@dataclass(frozen=True)
class InstalledModel:
    """name : what the worker loads it by. task : "automatic" or "prompted". threshold : where it was tuned."""

    name: str
    task: str
    threshold: float


def installed_models(folder: Path = FOLDER) -> list[InstalledModel]:
    """In alphabetical order; a folder whose card cannot be read is left out and logged."""
    models = []
    for card in sorted(folder.glob("*/model.json")):
        try:
            facts = json.loads(card.read_text(encoding="utf-8"))
            models.append(InstalledModel(card.parent.name, str(facts["task"]), float(facts["threshold"])))
        except (OSError, ValueError, KeyError, TypeError) as error:
            logging.warning("model %s left out: %s", card.parent.name, type(error).__name__)
    return models
