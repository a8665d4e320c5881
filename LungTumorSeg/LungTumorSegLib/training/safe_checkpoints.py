"""Lightning's checkpoints as safetensors and JSON: nothing in them can execute, and each is whole or not there."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from lightning.pytorch.plugins.io import CheckpointIO
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.whole_file import write_whole

CHECKPOINT = "checkpoint.safetensors"
BEST = "best.safetensors"
TENSOR, PAIRS = "<tensor>", "<pairs>"


class SafeCheckpoints(CheckpointIO):
    """What Lightning saves and restores by, instead of pickle."""

    def save_checkpoint(self, checkpoint: dict, path: str | Path, storage_options: object = None) -> None:
        write_checkpoint(Path(path), checkpoint)

    def load_checkpoint(self, path: str | Path, map_location: object = None, weights_only: object = None) -> dict:
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: str | Path) -> None:
        Path(path).unlink(missing_ok=True)


def write_checkpoint(path: Path, checkpoint: dict) -> None:
    """Nested dictionaries and lists of tensors and JSON's values, into one file by `os.replace`."""
    tensors: dict[str, torch.Tensor] = {}
    state = without_tensors(checkpoint, tensors)
    write_whole(path, save(tensors, metadata={"state": json.dumps(state)}))


def read_checkpoint(path: Path) -> dict:
    """What `write_checkpoint` wrote; `InputRefused` where the file is not that."""
    try:
        with safe_open(path, framework="pt") as file:
            state = json.loads((file.metadata() or {})["state"])
            return with_tensors(state, file)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RecursionError):
        raise InputRefused(f"{path.name} is not a whole checkpoint of this program; start a new run") from None


def without_tensors(value: object, tensors: dict[str, torch.Tensor]) -> object:
    if isinstance(value, torch.Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {TENSOR: name}
    if isinstance(value, dict):
        if all(isinstance(key, str) for key in value):
            return {key: without_tensors(each, tensors) for key, each in value.items()}
        return {PAIRS: [[key, without_tensors(each, tensors)] for key, each in value.items()]}
    if isinstance(value, (list, tuple)):
        return [without_tensors(each, tensors) for each in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a checkpoint cannot hold a {type(value).__name__}")


def with_tensors(value: object, file) -> object:
    if isinstance(value, dict):
        if TENSOR in value:
            return file.get_tensor(value[TENSOR])
        if PAIRS in value:
            return {key: with_tensors(each, file) for key, each in value[PAIRS]}
        return {key: with_tensors(each, file) for key, each in value.items()}
    if isinstance(value, list):
        return [with_tensors(each, file) for each in value]
    return value
