"""The order of a run's samples: each follows from its number, whatever came before and whichever process makes it."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator

import lightning.pytorch as pl
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from LungTumorSegLib.training.recipe import Recipe

Make = Callable[[np.random.Generator, int], tuple[torch.Tensor, torch.Tensor, torch.Tensor]]
VALIDATION = 1  # another stream of random numbers than training's


class Samples(Dataset):
    """Sample `step * batch + place` always comes out the same; all samples of a step have one shape."""

    def __init__(self, make: Make, count: int, batch: int, seed: tuple[int, ...]):
        self.make, self.count, self.batch, self.seed = make, count, batch, seed

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, number: int):
        return self.make(np.random.default_rng([*self.seed, number]), number // self.batch)


class Numbers(Sampler):
    """This process's numbers of one epoch: of each step's batch its share, so that all shares make the batch.

    Lightning tells each epoch's number, but only after the first one's workers have begun: hence `epoch`, the first.
    """

    def __init__(self, steps_an_epoch: int, batch: int, rank: int, processes: int, epoch: int):
        self.steps, self.batch, self.share, self.rank = steps_an_epoch, batch, batch // processes, rank
        self.epoch = epoch

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __len__(self) -> int:
        return self.steps * self.share

    def __iter__(self) -> Iterator[int]:
        for step in range(self.epoch * self.steps, (self.epoch + 1) * self.steps):
            first = step * self.batch + self.rank * self.share
            yield from range(first, first + self.share)


class Lessons(pl.LightningDataModule):
    """training, validation : make samples by (random generator, step); validation may be None."""

    def __init__(self, recipe: Recipe, training: Make, validation: Make | None):
        super().__init__()
        self.recipe, self.training, self.validation = recipe, training, validation

    def train_dataloader(self) -> DataLoader:
        run, trainer = self.recipe.run, self.trainer
        samples = Samples(self.training, run.steps * run.batch, run.batch, (run.seed,))
        numbers = Numbers(run.steps_an_epoch, run.batch, trainer.global_rank, trainer.world_size, trainer.current_epoch)
        return self.loader(samples, numbers.share, numbers)

    def val_dataloader(self) -> DataLoader | list:
        if self.validation is None:
            return []
        run, trainer = self.recipe.run, self.trainer
        samples = Samples(self.validation, run.validation_windows, run.batch, (run.seed, VALIDATION))
        own = range(trainer.global_rank, run.validation_windows, trainer.world_size)
        return self.loader(samples, max(1, run.batch // trainer.world_size), own)

    def loader(self, samples: Samples, batch: int, order) -> DataLoader:
        workers = self.recipe.run.workers
        return DataLoader(
            samples,
            batch_size=batch,
            sampler=order,
            num_workers=workers,
            persistent_workers=workers > 0,
            prefetch_factor=4 if workers else None,
            worker_init_fn=leave_ctrl_c_to_the_run,
        )


def leave_ctrl_c_to_the_run(worker: int) -> None:
    """Ctrl-C reaches every process of the terminal; the run itself ends its workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
