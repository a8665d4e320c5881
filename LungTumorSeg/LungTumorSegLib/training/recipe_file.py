"""Recipes as TOML files: those that come with the program, by name, or anybody's own."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, fields
from pathlib import Path

from LungTumorSegLib.cases.table import UTF_8
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks.model import bundled_folder
from LungTumorSegLib.training import recipe as tables
from LungTumorSegLib.training.limits import one_of, read, text
from LungTumorSegLib.training.recipe import Recipe

RECIPES = bundled_folder().parent / "Recipes"
LARGEST_BYTES = 1 << 16
TABLES = {
    "network": tables.Network,
    "data": tables.Data,
    "sampling": tables.Sampling,
    "augmentation": tables.Augmentation,
    "loss": tables.Loss,
    "optimiser": tables.Optimiser,
    "schedule": tables.Schedule,
    "averaging": tables.Averaging,
    "base": tables.Base,
    "run": tables.Run,
    "card": tables.Card,
}
PLAIN = {"describes": text(500), "task": one_of("automatic", "prompted")}


def recipe_names() -> list[str]:
    """Names of the recipes that come with the program."""
    return sorted(path.stem for path in RECIPES.glob("*.toml"))


def read_recipe(name_or_file: str, settings: list[str] | tuple[str, ...] = ()) -> Recipe:
    """The recipe of that name or in that file, with settings (`key=value`, dotted) put over it.

    `InputRefused`, in one line, names an unknown recipe, key or value and what is allowed.
    """
    return recipe_of(read_values(name_or_file, settings), Path(name_or_file).stem)


def read_values(name_or_file: str, settings: list[str] | tuple[str, ...]) -> dict:
    bundled = name_or_file in recipe_names()
    path = RECIPES / f"{name_or_file}.toml" if bundled else Path(name_or_file)
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise InputRefused(f"recipe: {path.name} is larger than a recipe can be")
        values = tomllib.loads(path.read_text(encoding=UTF_8))
    except OSError:
        known = ", ".join(recipe_names())
        raise InputRefused(f"no recipe {path.name[:60]!r}: give one of {known}, or a TOML file") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputRefused(f"recipe: {path.name} is not TOML: {str(error).splitlines()[0]}") from None
    for setting in settings:
        put(values, setting)
    return values


def put(values: dict, setting: str) -> None:
    """`run.steps=10` into the nested values. What is no TOML value counts as words."""
    name, equals, value = setting.partition("=")
    *path, last = name.strip().split(".")
    if not equals or not last:
        raise InputRefused(f"--set {setting[:60]}: write key=value, for example run.steps=100")
    try:
        value = tomllib.loads(f"value = {value.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        value = value.strip()
    for part in path:
        values = values.setdefault(part, {})
        if not isinstance(values, dict):
            raise InputRefused(f"--set {setting[:60]}: {part} is a value, not a table")
    values[last] = value


def recipe_of(values: dict, name: str) -> Recipe:
    """The recipe that nested values describe. A table `gate` holds what the first stage has otherwise."""
    values = dict(values)
    gate = values.pop("gate", None)
    chosen = checked(values, "")
    if gate is None:
        return Recipe(name=name, **chosen)
    if not isinstance(gate, dict):
        raise InputRefused("recipe: gate: must be a table")
    if "task" in gate or "gate" in gate:
        raise InputRefused("recipe: gate: has no task and no gate of its own")
    checked(gate, "gate.")
    both = {key: value for key, value in values.items() if key not in ("task", "describes")}
    for key, value in gate.items():
        both[key] = {**both.get(key, {}), **value} if isinstance(value, dict) else value
    both["network"] = gate.get("network", {})
    both["loss"] = gate.get("loss", both.get("loss", {}))
    both["data"] = {**both.get("data", {}), "activation": "sigmoid", "classes": "union"}  # a gate says one: any or none
    if chosen.get("task", "automatic") != "automatic":
        raise InputRefused("recipe: gate: only an automatic model has one")
    return Recipe(name=name, **chosen, gate=Recipe(name=name, task="gate", **checked(both, "gate.")))


def checked(values: dict, before: str) -> dict:
    """Keyword arguments of `Recipe`."""
    found = {}
    for key, value in values.items():
        if key in PLAIN:
            found[key] = read(PLAIN[key], before + key, value)
        elif key not in TABLES:
            known = ", ".join([*PLAIN, *TABLES, "gate"])
            raise InputRefused(f"recipe: unknown key {before + key!r}: choose one of {known}")
        elif not isinstance(value, dict):
            raise InputRefused(f"recipe: {before + key}: must be a table")
        else:
            found[key] = table_of(TABLES[key], f"{before}{key}.", value)
    return found


def table_of(kind: type, before: str, values: dict):
    limits = {each.name: each.metadata["limit"] for each in fields(kind)}
    for key in values:
        if key not in limits:
            raise InputRefused(f"recipe: unknown key {before + key!r}: choose one of {', '.join(limits)}")
    return kind(**{key: read(limits[key], before + key, value) for key, value in values.items()})


def as_values(recipe: Recipe) -> dict:
    """The recipe as JSON holds it, for cards and checkpoints; no folder of this machine in it."""
    values = asdict(recipe)
    values["data"].pop("lungs")
    if values["gate"]:
        values["gate"]["data"].pop("lungs")
    return values
