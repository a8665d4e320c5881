"""What Lightning trains: a catalogue network with a recipe's loss, optimiser and schedule."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from math import cos, pi, sqrt

import lightning.pytorch as pl
import numpy as np
import torch
from torch import nn

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.losses import ACTIVATIONS, LOSSES, Loss, check, loss_by_name, refuse_unknown
from LungTumorSegLib.training.loss import known_loss
from LungTumorSegLib.training.recipe import Recipe, Schedule
from LungTumorSegLib.training.shallow_convolution import guard_shallow

READER_VOTES = {"entropy": 5.0, "dice": 1.0}
Revise = Callable[[nn.Module, torch.Tensor, torch.Tensor, torch.Tensor, np.random.Generator], torch.Tensor]


class Learner(pl.LightningModule):
    """Every random choice follows from seed and step, so a resumed run repeats an unbroken one.

    learning_rate : the highest. begun_with_model : the half-frozen start makes sense.
    revise : (network, inputs, targets, known, random generator) -> inputs, with the network as it is in that step: how
        a user's next clicks follow from what the network got wrong.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        learning_rate: float,
        begun_with_model: bool = False,
        revise: Revise | None = None,
        base: nn.Module | None = None,
    ):
        super().__init__()
        self.answers_of = () if base is None else (base.eval(),)  # in a tuple: no part of what is learnt and saved
        self.network, self.recipe, self.learning_rate, self.revise = network, recipe, learning_rate, revise
        self.loss_of = loss_of(recipe)
        guard_shallow(self.network)
        entry = catalogue.entry(recipe.network.name)
        layouts = {2: torch.channels_last, 3: torch.channels_last_3d}
        self.layout = layouts[entry.dimensions] if entry.even else torch.contiguous_format
        self.network.to(memory_format=self.layout)
        weights = list(network.parameters())
        self.resting = weights[: len(weights) // 2] if begun_with_model and recipe.run.half_frozen_steps else []
        self.counts = torch.zeros(4)

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.network(inputs.to(memory_format=self.layout))

    def configure_optimizers(self):
        chosen, weights = self.recipe.optimiser, self.parameters()
        make = {
            "adam": torch.optim.Adam,
            "adamw": torch.optim.AdamW,
            "sgd": partial(torch.optim.SGD, momentum=0.9),
        }[chosen.name]
        optimiser = make(weights, lr=self.learning_rate, weight_decay=chosen.weight_decay)
        share = partial(rate_share, schedule=self.recipe.schedule, steps=self.recipe.run.steps)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, share)
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_batch_start(self, batch, batch_idx: int) -> None:
        # Dropout; each process drops others.
        torch.manual_seed(self.recipe.run.seed * 1_000_003 + self.global_step * 1009 + self.global_rank)
        self.learn()

    def learn(self) -> None:
        """The network in training mode, but for batch norms that are to stay as they are."""
        self.network.train()
        if self.recipe.run.batch_norm == "frozen":
            for module in self.network.modules():
                if isinstance(module, nn.modules.batchnorm._BatchNorm):
                    module.eval()

    def training_step(self, batch, batch_idx: int) -> torch.Tensor:
        inputs, target, known = batch
        step = self.global_step
        if self.revise:
            rng = np.random.default_rng([self.recipe.run.seed, step, 1, self.global_rank])
            self.network.eval()
            inputs = self.revise(self, inputs, target, known, rng)  # not the network alone: the layout counts
            self.learn()
        logits = self(inputs)
        loss = self.loss(logits, target, known)
        for base in self.answers_of:
            loss = loss + self.recipe.base.answer * self.away_from(base, inputs, logits, known)
        return loss

    def away_from(
        self, base: nn.Module, inputs: torch.Tensor, logits: torch.Tensor, known: torch.Tensor
    ) -> torch.Tensor:
        """Cross-entropy against the base's own answer, mean over the voxels that nobody outlined; 0 without any."""
        with torch.no_grad():
            answer = base.to(inputs.device)(inputs.to(memory_format=self.layout)).float().sigmoid()
        apart = nn.functional.binary_cross_entropy_with_logits(logits.float(), answer, reduction="none")
        unknown = 1 - known
        return (apart * unknown).sum() / unknown.sum().clamp(min=1)

    def loss(self, logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
        return self.loss_of(logits.float(), target, None if self.recipe.task == "gate" else known)

    def on_before_optimizer_step(self, optimizer) -> None:
        # Not `requires_grad`: processes that share gradients agreed on the list of them at the start.
        if self.global_step < self.recipe.run.half_frozen_steps:
            for weight in self.resting:
                weight.grad = None

    def on_validation_epoch_start(self) -> None:
        self.counts = torch.zeros(4, dtype=torch.float64, device=self.device)

    def validation_step(self, batch, batch_idx: int) -> None:
        inputs, target, known = batch
        logits = self(inputs)
        self.log("validation_loss", self.loss(logits, target, known), batch_size=len(inputs), sync_dist=True)
        found, true = self.found(logits.float()), foreground(target, self.recipe.data.activation)
        sure = known[:, 0] > 0 if self.recipe.task != "gate" else torch.ones_like(found)
        found, true = found[sure], true[sure]
        self.counts += torch.stack([found & true, found & ~true, ~found & true, ~found & ~true]).sum(-1)

    def found(self, logits: torch.Tensor) -> torch.Tensor:
        if self.recipe.data.activation == "softmax":
            return logits.argmax(1) > 0
        return (logits.sigmoid() >= self.recipe.card.threshold).any(1)

    def on_validation_epoch_end(self) -> None:
        counts = self.trainer.strategy.reduce(self.counts, reduce_op="sum")
        self.log("validation_score", score(*counts.tolist(), gate=self.recipe.task == "gate"))


def foreground(target: torch.Tensor, activation: str) -> torch.Tensor:
    """bool (n, ...): any class but the background."""
    return (target[:, 1:] if activation == "softmax" else target).amax(1) > 0.5


def score(both: float, false: float, missed: float, neither: float, gate: bool) -> float:
    """Dice of all validation windows together; of a gate Matthews' correlation coefficient. 0 where undefined."""
    if gate:
        product = (both + false) * (both + missed) * (neither + false) * (neither + missed)
        return (both * neither - false * missed) / sqrt(product) if product else 0.0
    total = 2 * both + false + missed
    return 2 * both / total if total else 0.0


def rate_share(step: int, schedule: Schedule, steps: int) -> float:
    """Of the highest learning rate, before the step of that number."""
    if step < schedule.warm_up:
        return (step + 1) / schedule.warm_up
    if schedule.name == "constant":
        return 1.0
    cycles = schedule.cycles if schedule.name == "cyclic" else 1
    done = cycles * (step - schedule.warm_up) / max(1, steps - schedule.warm_up)
    return schedule.lowest + (1 - schedule.lowest) * (1 + cos(pi * (done % 1 if done < cycles else 1))) / 2


def loss_of(recipe: Recipe) -> Loss:
    """The recipe's loss; a softmax is told to those that can have one. `InputRefused` for arguments it has not."""
    chosen = dict(recipe.loss.arguments)
    votes = recipe.loss.name == "reader-votes"
    make = reader_votes if votes else LOSSES[recipe.loss.name]
    if "activation" in make.__code__.co_varnames[: make.__code__.co_argcount]:
        chosen["activation"] = recipe.data.activation
    elif recipe.data.activation != ACTIVATIONS[0]:
        raise InputRefused(f"recipe: loss.name = {recipe.loss.name!r}: works with data.activation = 'sigmoid' alone")
    return reader_votes(chosen) if votes else loss_by_name(recipe.loss.name, **chosen)


def reader_votes(arguments: dict) -> Loss:
    """The default models' loss."""
    refuse_unknown("reader-votes", READER_VOTES, arguments)
    for name, value in arguments.items():
        check(name, value, 0.0, 1e4)
    return partial(known_loss, **{**READER_VOTES, **arguments})
