"""A training run's state in one file, written whole or not at all, holding nothing that can execute."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.training.whole_file import write_whole


@dataclass
class State:
    """step : optimiser steps done. plan : what was trained, JSON-ready. tensors : every tensor of the run by name."""

    step: int
    plan: dict
    tensors: dict[str, torch.Tensor]


def write_checkpoint(path: Path, state: State) -> None:
    """By `write_whole`: a kill at any moment leaves the old checkpoint or the new one."""
    tensors = {name: tensor.detach().contiguous() for name, tensor in state.tensors.items()}
    write_whole(path, save(tensors, metadata={"step": str(state.step), "plan": json.dumps(state.plan)}))


def read_checkpoint(path: Path) -> State:
    """The state that `write_checkpoint` wrote; `InputRefused` where the file is not one."""
    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        return State(int(about["step"]), json.loads(about["plan"]), tensors)
    except (OSError, KeyError, ValueError) as error:
        raise InputRefused(f"{path.name} is not a checkpoint of this program; start a new run") from error
    except Exception as error:
        if type(error).__module__.startswith("safetensors"):
            raise InputRefused(f"{path.name} is damaged; start a new run") from error
        raise
