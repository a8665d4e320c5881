"""What goes on beside the steps: progress with time left, the checkpoint at each epoch's end, Ctrl-C."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EarlyStopping

from LungTumorSegLib.errors import Cancelled, InputRefused
from LungTumorSegLib.training.curves import trained_and_validated
from LungTumorSegLib.training.safe_checkpoints import BEST, CHECKPOINT
from LungTumorSegLib.training.sound_steps import SoundSteps

Progress = Callable[[str, float, float | None], None]


def unheard(stage: str, fraction: float, seconds_left: float | None = None) -> None:
    pass


class Telling(pl.Callback):
    """progress : called after each step with words, the fraction of all steps done and the seconds left."""

    def __init__(self, progress: Progress, steps: int, sound: SoundSteps):
        self.progress, self.steps, self.sound = progress, steps, sound
        self.first, self.begun = 0, 0.0

    def on_train_start(self, trainer: pl.Trainer, learner: pl.LightningModule) -> None:
        self.first, self.begun = trainer.global_step, time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, learner: pl.LightningModule, outputs, batch, number) -> None:
        done, seconds = trainer.global_step, time.monotonic() - self.begun
        left = seconds / (done - self.first) * (self.steps - done)
        words = f"step {done} of {self.steps}, loss {float(outputs['loss']):.4f}"
        if self.sound.skipped:
            words += f", {self.sound.skipped} skipped"
        self.progress(words, done / self.steps, left)


class Keeping(pl.Callback):
    """Writes the checkpoint after each epoch, and a copy where the validation was the best so far.

    Weights that are no numbers are never written: they end the run, and the checkpoint before stays. Must be the last
    callback, so that it keeps what the others know of the epoch.
    """

    def __init__(self, folder: Path, choose_best: bool):
        self.folder, self.choose_best = folder, choose_best
        self.best: float | None = None

    def state_dict(self) -> dict:
        return {"best": self.best}

    def load_state_dict(self, state: dict) -> None:
        self.best = state["best"]

    def on_save_checkpoint(self, trainer: pl.Trainer, learner: pl.LightningModule, checkpoint: dict) -> None:
        # Lightning counts an epoch as complete after this hook; a run resumed from here would begin with an epoch
        # without steps.
        loop = checkpoint["loops"]["fit_loop"]
        for count in ("total", "current"):
            loop["epoch_progress"][count]["completed"] = loop["epoch_progress"][count]["processed"]
        batches = loop["epoch_loop.batch_progress"]
        batches["is_last_batch"] = False
        batches["current"] = dict.fromkeys(batches["current"], 0)

    def on_train_epoch_end(self, trainer: pl.Trainer, learner: pl.LightningModule) -> None:
        if not all(each.isfinite().all() for each in learner.state_dict().values()):
            raise InputRefused(
                f"the training ends at step {trainer.global_step}: its weights are no numbers any more. Lower "
                "optimiser.learning_rate or set optimiser.clip=1, and start a new run"
            )
        if self.choose_best and trained_and_validated(trainer):
            score = float(trainer.callback_metrics["validation_score"])
            if self.best is None or score > self.best:
                self.best = score
                trainer.save_checkpoint(self.folder / BEST)
        trainer.save_checkpoint(self.folder / CHECKPOINT)


class Patience(EarlyStopping):
    """Lightning's early stopping, which a run resumed after its patience had ended obeys at once."""

    def __init__(self, validations: int):
        super().__init__("validation_score", mode="max", patience=validations, check_on_train_epoch_end=False)

    def on_train_start(self, trainer: pl.Trainer, learner: pl.LightningModule) -> None:
        if self.wait_count >= self.patience:
            trainer.should_stop = True


class CtrlC(pl.Callback):
    """Ends the run with `Cancelled` after the step at hand; pressed again, at once.

    What was learnt since the last epoch's end is lost, the checkpoint before it stays.
    """

    def __init__(self):
        self.pressed = False
        self.before = None

    def __enter__(self) -> CtrlC:
        # Around the fit, not in its hooks: Lightning puts back the handlers that it found at its own start.
        if threading.current_thread() is threading.main_thread():  # others cannot hear signals
            self.before = signal.signal(signal.SIGINT, self.press)
        return self

    def __exit__(self, *_) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)

    def press(self, number: int, frame: object) -> None:
        self.pressed = True
        signal.signal(signal.SIGINT, self.before)

    def on_train_batch_end(self, trainer: pl.Trainer, learner: pl.LightningModule, outputs, batch, number) -> None:
        self.stop_if_pressed()

    def on_validation_batch_end(self, trainer, learner, outputs, batch, number, loader=0) -> None:
        self.stop_if_pressed()

    def stop_if_pressed(self) -> None:
        if self.pressed:
            raise Cancelled
