"""Which share of the cases this process does, where several were started."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from LungTumorSegLib.errors import InputRefused

CARDS = Path("/proc/driver/nvidia/gpus")

Case = TypeVar("Case")


@dataclass(frozen=True)
class Shard:
    """rank : 0 to `of` - 1. starter : who started the processes, in words.

    run : what its starter calls the run that all its ranks belong to, where it names them apart: a SLURM array's job;
        torchrun's own id, which is the same for all its runs unless --standalone or --rdzv-id is said.
    """

    rank: int = 0
    of: int = 1
    starter: str = ""
    run: str = ""

    @property
    def file(self) -> str:
        """The name of what this rank writes for the others."""
        return f"{self.rank}-of-{self.of}.json"

    def share(self, cases: Sequence[Case]) -> list[tuple[int, Case]]:
        """(place among all, case): every `of`-th from `rank` on."""
        return list(enumerate(cases))[self.rank :: self.of]


def shard_of(environment: Mapping[str, str] = os.environ) -> Shard:
    """From RANK and WORLD_SIZE (torchrun), else from a SLURM job array; the whole without either.

    Raises `InputRefused` where they do not fit together.
    """
    if "RANK" in environment or "WORLD_SIZE" in environment:
        # Not the SLURM job: by hand, each rank may be a job of its own.
        starter, names, run = "RANK and WORLD_SIZE", ("RANK", "WORLD_SIZE"), "TORCHELASTIC_RUN_ID"
    elif "SLURM_ARRAY_TASK_ID" in environment:
        starter, names = "SLURM's array", ("SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_COUNT")
        run = "SLURM_ARRAY_JOB_ID"
    else:
        return Shard()
    try:
        rank, of = (int(environment[name]) for name in names)
        if names[0] == "SLURM_ARRAY_TASK_ID":  # an array may begin at 1, or count in tens
            step = int(environment.get("SLURM_ARRAY_TASK_STEP", 1))
            rank = (rank - int(environment.get("SLURM_ARRAY_TASK_MIN", 0))) // step
    except (KeyError, ValueError):
        raise InputRefused(f"{' and '.join(names)} must both be whole numbers: set both, or none") from None
    if not 0 <= rank < of:
        raise InputRefused(f"{names[0]} gives rank {rank} of {of}: it must lie in 0 to {of - 1}")
    return Shard(rank, of, starter, environment.get(run, ""))


def own_card(environment: Mapping[str, str] = os.environ, cards: Path = CARDS) -> dict[str, str]:
    """The variable that shows a worker one graphics card alone, so that torchrun's ranks on one machine share them out;
    nothing where there are not several ranks and several cards."""
    if int(environment.get("LOCAL_WORLD_SIZE", 1)) < 2:
        return {}
    listed = environment.get("CUDA_VISIBLE_DEVICES")
    there = range(len(list(cards.iterdir()))) if listed is None and cards.is_dir() else (listed or "").split(",")
    visible = [str(card) for card in there if str(card)]
    if len(visible) < 2:
        return {}
    return {"CUDA_VISIBLE_DEVICES": visible[int(environment["LOCAL_RANK"]) % len(visible)]}
