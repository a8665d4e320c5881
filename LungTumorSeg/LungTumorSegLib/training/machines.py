"""One process or many: what `torchrun` or SLURM started, in Lightning's words."""

from __future__ import annotations

import os

import torch
from lightning.pytorch.plugins.environments import LightningEnvironment
from lightning.pytorch.strategies import DDPStrategy

from LungTumorSegLib.errors import InputRefused


def processes() -> tuple[int, int, int]:
    """(processes on this machine, machines, this process's rank), from what torchrun or SLURM's srun tells."""
    told = os.environ
    if "TORCHELASTIC_RUN_ID" in told:
        here = int(told["LOCAL_WORLD_SIZE"])
        return here, int(told["WORLD_SIZE"]) // here, int(told["RANK"])
    if "SLURM_STEP_ID" in told and told.get("SLURM_JOB_NAME") not in ("bash", "interactive"):  # begun by srun
        machines = int(told.get("SLURM_NNODES", "1"))
        return int(told.get("SLURM_NTASKS", "1")) // machines, machines, int(told.get("SLURM_PROCID", "0"))
    return 1, 1, 0


def trainer_arguments(device: str, batch: int, batch_norm_in_network: bool) -> dict:
    """For `lightning.Trainer`: where and in how many processes. `InputRefused` where that cannot be."""
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise InputRefused("no CUDA graphics card was found: choose --device auto or cpu")
    here, machines, _ = processes()
    many = here * machines
    if batch % many:
        raise InputRefused(f"recipe: run.batch = {batch}: must be a multiple of the {many} processes")
    on_card = there and device != "cpu"
    arguments = {"accelerator": "gpu" if on_card else "cpu", "devices": here, "num_nodes": machines}
    if many == 1:
        arguments["plugins"] = [LightningEnvironment()]  # also in a SLURM job's own shell
    else:
        arguments["strategy"] = DDPStrategy(process_group_backend="nccl" if on_card else "gloo")
        # torch can share batch norm's statistics between graphics cards alone.
        arguments["sync_batchnorm"] = on_card and batch_norm_in_network
    return arguments
