"""A model: a network with trained weights and its card, as a folder of `weights.safetensors` and `model.json`.

Nothing in such a folder can execute. Models that come with the program lie in Resources/Models; fine-tuned ones are
new folders anywhere, promoted ones in the user's registry. Importing this file loads no torch: a card can be shown
without it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import card as cards
from LungTumorSegLib.networks import catalogue, registry
from LungTumorSegLib.networks.card import ModelCard

if TYPE_CHECKING:
    from torch import nn

CARD = "model.json"
WEIGHTS = "weights.safetensors"


def bundled_folder() -> Path:
    """Where the program's own models lie: in the package of an installed wheel, beside it in the Slicer module."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "Resources" / "Models"
    return inside if inside.is_dir() else package.parent / "Resources" / "Models"


MODELS = bundled_folder()


@dataclass(frozen=True)
class Model:
    """A network ready to run.

    network : in evaluation mode, float32, on the CPU.
    digest : SHA-256 (hex) of the weights file.
    gate : the model that chooses the slices, where the card names one.
    """

    card: ModelCard
    network: nn.Module
    digest: str
    gate: Model | None = None


def available_models() -> list[str]:
    """Names of the models that come with the program."""
    if not MODELS.is_dir():
        return []
    return sorted(each.name for each in MODELS.iterdir() if not each.is_symlink() and (each / CARD).is_file())


def load_card(name_or_folder: str | Path) -> ModelCard:
    """The card of a model that comes with the program (by name) or lies in a folder; `InputRefused` in one line."""
    return cards.card_from_json(read(find(name_or_folder) / CARD, cards.LARGEST_BYTES))


def load_model(name_or_folder: str | Path) -> Model:
    """The model of that name or in that folder, ready to run.

    Raises `InputRefused`, in one line, for a model that is not there, an unknown network, a card or weights that do
    not fit, are damaged, too large or not numbers. Torch's random state is left as it was.
    """
    import torch

    from LungTumorSegLib.networks import weights

    folder = find(name_or_folder)
    card = load_card(folder)
    content = read(folder / WEIGHTS, weights.LARGEST_BYTES)
    with torch.random.fork_rng(devices=[]):
        with torch.device("meta"):
            weights.refuse_before_building(content, catalogue.build(card.network, **card.arguments))
        network = catalogue.build(card.network, **card.arguments)
    weights.fill(network, content)
    gate = None if card.gate is None else load_gate(folder / card.gate)
    return Model(card, network.eval(), hashlib.sha256(content).hexdigest(), gate)


def load_gate(folder: Path) -> Model:
    """The gate in a folder inside a model's; `InputRefused` where there is none or it is something else."""
    if folder.is_symlink() or not (folder / CARD).is_file():
        raise InputRefused(f"model card: there is no gate {folder.name!r} inside the model's folder")
    if load_card(folder).task != "gate":  # before it is loaded: a gate has no gate of its own, so this ends
        raise InputRefused(f"model card: the model {folder.name!r} inside the folder is not a gate")
    return load_model(folder)


def files_of(folder: Path) -> list[Path]:
    """The files that make a model, its gate's among them, that exist."""
    return [path for within in ("", "*/") for name in (CARD, WEIGHTS) for path in sorted(folder.glob(within + name))]


def save_model(folder: str | Path, network: nn.Module, card: ModelCard, gate: Model | None = None) -> None:
    """Write a new model folder, whole or not at all. The folder must not exist, its parent must.

    The network may be on any device and of any float type; it is stored as float32. `InputRefused` where the folder
    exists or the network is not what the card says.
    gate : what the card's `gate` names; it is stored inside the folder.
    """
    import torch

    from LungTumorSegLib.networks import weights

    folder = Path(folder)
    if folder.exists() or folder.is_symlink():
        raise InputRefused(f"there is a {folder.name!r} already: a model is never overwritten, choose another name")
    if not folder.parent.is_dir():
        raise InputRefused(f"the folder to put {folder.name!r} into does not exist")
    if (gate is None) != (card.gate is None) or (gate is not None and gate.card.task != "gate"):
        raise InputRefused("model card: a gate is stored where the card names one, and nowhere else")
    content = weights.encode(network)
    with torch.random.fork_rng(devices=[]):
        weights.fill(catalogue.build(card.network, **card.arguments), content)  # what is written must load

    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        write(unfinished / WEIGHTS, content)
        write(unfinished / CARD, card.to_json().encode())
        if gate is not None:
            save_model(unfinished / card.gate, gate.network, gate.card)
        unfinished.chmod(0o755)  # mkdtemp's own is private; models are shared
        flush_folder(unfinished)
        os.replace(unfinished, folder)
        flush_folder(folder.parent)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def find(name_or_folder: str | Path) -> Path:
    """The folder of a model: by the name of one that comes with the program, then of one that the user has promoted
    (`registry`), else a path. A name is only ever compared with those that exist, never made into a path."""
    known = available_models()
    if name_or_folder in known:
        return MODELS / name_or_folder
    folder = registry.folder_of(str(name_or_folder)) or Path(name_or_folder)
    if not (folder / CARD).is_file():
        known += sorted(registry.names_in_use())
        raise InputRefused(
            f"no model {folder.name[:60]!r}: give one of {', '.join(known) or '(none installed)'} or a model's folder"
        )
    return folder


def companion(name_or_folder: str | Path, name: str) -> Path:
    """The folder of a model that another one names: inside that one's own, else one that comes with the program."""
    inside = find(name_or_folder) / name
    return inside if (inside / CARD).is_file() and not inside.is_symlink() else find(name)


def read(path: Path, largest: int) -> bytes:
    """A whole plain file of at most that many bytes; links, pipes and devices are refused."""
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            raise InputRefused(f"{path.name} must be a plain file, not a link or a device")
        if status.st_size > largest:
            raise InputRefused(f"{path.name} has {status.st_size} bytes, more than the {largest} allowed")
        with path.open("rb") as file:
            content = file.read(largest + 1)
    except OSError as error:
        raise InputRefused(f"cannot read {path.name}: {error.strerror}") from None
    if len(content) > largest:
        raise InputRefused(f"{path.name} has more than the {largest} bytes allowed")
    return content


def write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut; Windows cannot and need not."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
