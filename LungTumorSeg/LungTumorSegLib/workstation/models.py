"""The models that a user may choose: those that come with the program, promoted ones, and folders that were imported.

By their cards alone: no torch, no weights are read. The worker checks a model in full when it loads it.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import registry
from LungTumorSegLib.workstation import words

log = logging.getLogger(__name__)

# Beside the folder that holds LungTumorSegLib, wherever the program was loaded from.
BUNDLED_FOLDER = Path(__file__).resolve().parents[2] / "Resources" / "Models"
IMPORTED_FOLDER = "imported"  # in the folder of the user's own models
BUNDLED, PROMOTED, IMPORTED = "bundled", "promoted", "imported"
CARD, WEIGHTS = "model.json", "weights.safetensors"
LARGEST_CARD, LARGEST_WEIGHTS = 4 << 20, 256 << 20  # bytes, as `networks` reads them
TASKS = ("automatic", "prompted")


@dataclass(frozen=True)
class Model:
    """A model on this machine.

    Attributes
    ----------
    name : as users see it; unique among `list_models`.
    task : "automatic" (Segment) or "prompted" (points and boxes).
    threshold : where it was tuned.
    place : BUNDLED, PROMOTED or IMPORTED.
    folder : where it lies. size : of its files, bytes.
    in_use : False for a promoted version that another one has replaced, or that was rolled back.
    channels : names of the images of a case that it reads, in its order.
    """

    name: str
    task: str
    threshold: float
    place: str
    folder: Path
    size: int
    in_use: bool = True
    channels: tuple[str, ...] = ("CT",)

    @property
    def address(self) -> str:
        """What the worker loads it by."""
        return self.name if self.place == BUNDLED else str(self.folder)

    @property
    def deletable(self) -> bool:
        return self.place == IMPORTED or (self.place == PROMOTED and not self.in_use)

    def facts(self) -> list[str]:
        """The card, as sentences."""
        return words.model_facts(read_card(self.folder), self.place, self.size)


def list_models(own: Path | None = None, bundled: Path = BUNDLED_FOLDER) -> list[Model]:
    """Bundled, promoted, then imported ones, each by name. What cannot be read is left out and logged.

    own : the folder of the user's own models [`networks.registry.registry_folder`].
    """
    own = own or registry.registry_folder()
    found = [(card.parent.name, BUNDLED, card.parent, True) for card in sorted(bundled.glob("*/" + CARD))]
    try:
        versions = registry.read_state(own)["models"]
    except InputRefused as refusal:
        log.warning("%s", refusal)
        versions = {}
    current = {all_[-1]: name for name, all_ in versions.items()}
    for card in sorted(own.glob("*/" + CARD)):
        version = card.parent.name
        found.append((current.get(version, version), PROMOTED, card.parent, version in current))
    found += [(c.parent.name, IMPORTED, c.parent, True) for c in sorted((own / IMPORTED_FOLDER).glob("*/" + CARD))]
    models = []
    for name, place, folder, in_use in found:
        try:
            card = read_card(folder)
            if card["task"] in TASKS:
                size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
                task, threshold, channels = card["task"], card["threshold"], tuple(card["channels"])
                models.append(Model(name, task, threshold, place, folder, size, in_use, channels))
        except (InputRefused, OSError) as error:
            log.warning("model %s left out: %s", folder.name, error)
    return models


def preferred(models: list[Model], task: str) -> Model | None:
    """The one to begin with: a promoted one in use, else one that comes with the program, else an imported one."""
    of_task = [model for model in models if model.task == task and model.in_use]
    return min(of_task, key=lambda model: (PROMOTED, BUNDLED, IMPORTED).index(model.place), default=None)


def read_card(folder: Path) -> dict:
    """The card of a model's folder: what `list_models` and `facts` need is checked. InputRefused where it is none."""
    try:
        with (folder / CARD).open("rb") as file:
            card = json.loads(file.read(LARGEST_CARD))
        right = card["task"] in (*TASKS, "gate") and 0 < float(card["threshold"]) < 1 and card["version"] == 1
        card["threshold"] = float(card["threshold"])
        card["channels"] = [str(name) for name in card.get("channels", ("CT",))]
    except OSError:
        raise InputRefused("The folder holds no model.json: choose the folder of a model.") from None
    except (ValueError, KeyError, TypeError, RecursionError):
        right = False
    if not right:
        raise InputRefused("The folder's model.json is no model card that this program reads: get the model again.")
    return card


def import_folder(folder: str | Path, own: Path | None = None) -> Model:
    """Copy a model's folder to the user's own models; whole or not at all.

    Only cards and weights are copied, of the model and of the one that it names within its folder. InputRefused where
    that is no model, or one of its name is there already.
    """
    folder = Path(folder)
    card = read_card(folder)
    if card["task"] not in TASKS:
        raise InputRefused("This model is a part of another: choose the folder that it lies in.")
    name = folder.name if registry.NAME.fullmatch(folder.name) else str(card.get("name"))
    if not registry.NAME.fullmatch(name):
        raise InputRefused("The folder's name cannot name a model: use letters, digits, dots, dashes, underscores.")
    own = own or registry.registry_folder()
    place = own / IMPORTED_FOLDER / name
    if place.exists() or any(model.name == name for model in list_models(own)):
        raise InputRefused(f"There is a model {name} already: rename the folder, or delete the other one.")
    parts = [Path(), *(Path(inner.parent.name) for inner in sorted(folder.glob("*/" + CARD)))]
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=".", dir=place.parent))
        try:
            for part in parts:
                read_card(folder / part)
                _copy_weights(folder / part, unfinished / part)
            unfinished.chmod(0o755)
            unfinished.rename(place)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except OSError as error:
        raise InputRefused(f"The model could not be copied: {error.strerror}.") from None
    return next(model for model in list_models(own) if model.folder == place)


def roll_back(model: Model, own: Path | None = None) -> Model | None:
    """Let the promoted model's name mean the version before; returns that, None where there was none."""
    own = own or registry.registry_folder()
    _left, now = registry.roll_back(own, model.name)
    return next((each for each in list_models(own) if each.place == PROMOTED and each.folder.name == now), None)


def size_of_own(own: Path | None = None) -> int:
    """Bytes of all models that did not come with the program."""
    return sum(model.size for model in list_models(own) if model.place != BUNDLED)


def delete_model(model: Model) -> None:
    """Remove an imported model, or a promoted one that is no longer in use. InputRefused for others."""
    if model.place == BUNDLED:
        raise InputRefused("This model comes with the program and cannot be deleted.")
    if not model.deletable:
        raise InputRefused("This model is in use: roll it back first, then delete it.")
    try:
        gone = model.folder.with_name(f".{model.folder.name}-deleted")
        model.folder.rename(gone)  # in one step: no half of a model is ever found
        shutil.rmtree(gone, ignore_errors=True)
    except OSError as error:
        raise InputRefused(f"The model could not be deleted: {error.strerror}.") from None


def _copy_weights(source: Path, target: Path) -> None:
    target.mkdir(exist_ok=True)
    for name, largest in ((CARD, LARGEST_CARD), (WEIGHTS, LARGEST_WEIGHTS)):
        file = source / name
        if not file.is_file() or file.is_symlink():
            raise InputRefused(f"The folder holds no plain file {name}: choose the folder of a model.")
        if file.stat().st_size > largest:
            raise InputRefused(f"{name} is larger than any model of this program: get the model again.")
        shutil.copyfile(file, target / name)
    with (target / WEIGHTS).open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= 1 << 20 or not re.match(rb"\s*\{", file.read(min(length, 64))):
            raise InputRefused("The weights are no safetensors file: only this format is read, for it cannot execute.")
