"""What the recipes that tune a model on the user's cases say of themselves, without torch."""

from __future__ import annotations

import tomllib
from pathlib import Path

RECIPES = Path(__file__).resolve().parents[2] / "Resources" / "Recipes"


def recipe_name(task: str) -> str:
    """task : "prompted" or "automatic"."""
    return f"fine-tune-{task}"


def recipe_epochs(task: str) -> int:
    """How many epochs the recipe itself takes."""
    return _read(task)["run"]["steps"] // steps_an_epoch(task)


def recipe_rate(task: str) -> float:
    return float(_read(task)["optimiser"]["learning_rate"])


def steps_an_epoch(task: str) -> int:
    return _read(task)["run"]["steps_an_epoch"]


def _read(task: str) -> dict:
    return tomllib.loads((RECIPES / f"{recipe_name(task)}.toml").read_text(encoding="utf-8"))
