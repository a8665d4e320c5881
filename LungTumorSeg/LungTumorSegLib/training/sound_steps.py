"""A step whose loss or gradients are no numbers teaches nothing: it is skipped, and too many in a row end the run."""

from __future__ import annotations

import lightning.pytorch as pl
import torch

from LungTumorSegLib.errors import InputRefused

MOST_IN_A_ROW = 20  # float16 begins with a loss scale of 2 ** 16 and may spend 16 such steps on halving it


class SoundSteps(pl.Callback):
    """Weights, optimiser and batch norm's statistics stay as they were before such a step.

    skipped : how many of the run's steps were. A sound one's gradients have a norm that is a number of float32.
    """

    def __init__(self):
        self.skipped, self.in_a_row = 0, 0
        self.loss: torch.Tensor | None = None
        self.statistics: list[torch.Tensor] = []

    def state_dict(self) -> dict:
        return {"skipped": self.skipped, "in_a_row": self.in_a_row}

    def load_state_dict(self, state: dict) -> None:
        self.skipped, self.in_a_row = state["skipped"], state["in_a_row"]

    def on_train_batch_start(self, trainer: pl.Trainer, learner: pl.LightningModule, batch, number) -> None:
        self.statistics = [each.clone() for each in statistics(learner)]

    def on_before_backward(self, trainer: pl.Trainer, learner: pl.LightningModule, loss: torch.Tensor) -> None:
        self.loss = loss.detach()

    def on_before_optimizer_step(self, trainer: pl.Trainer, learner: pl.LightningModule, optimizer) -> None:
        gradients = [weight.grad for weight in learner.parameters() if weight.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        sound = bool((self.loss + norm).isfinite())
        # The gradients of all processes are one, each one's loss is its own.
        if trainer.strategy.reduce_boolean_decision(sound):
            self.in_a_row = 0
            return
        self.skipped += 1
        self.in_a_row += 1
        for weight in learner.parameters():
            weight.grad = None  # the optimiser passes over such weights
        for each, before in zip(statistics(learner), self.statistics, strict=True):
            each.copy_(before)
        if self.in_a_row >= MOST_IN_A_ROW:
            raise InputRefused(
                f"the training ends at step {trainer.global_step + 1}: {self.in_a_row} steps in a row gave a loss or "
                "gradients that are no numbers. Look at the data (`lungtumorseg check`), lower "
                "optimiser.learning_rate or set run.precision=32, and start a new run"
            )


def statistics(learner: pl.LightningModule) -> list[torch.Tensor]:
    return [each for each in learner.buffers() if each.is_floating_point()]
