"""A run's curves while it goes: `curves.csv` and `curves.png`, and TensorBoard's where that is installed."""

from __future__ import annotations

import csv
import io
import time
from math import isfinite, nan
from pathlib import Path

import lightning.pytorch as pl
import numpy as np

from LungTumorSegLib.volume.whole_file import write_whole

TABLE, PICTURE = "curves.csv", "curves.png"
COLUMNS = ("step", "loss", "learning_rate", "validation_loss", "validation_score", "seconds")


class Curves(pl.Callback):
    """A row an epoch. The rows are part of the checkpoint, so a resumed run's curves have no gap and no double.

    folder : where the files are rewritten. score : what validation_score is called in the picture.
    """

    def __init__(self, folder: Path, score: str):
        self.folder, self.score = folder, score
        self.rows: list[dict] = []
        self.losses: list[float] = []
        self.before = 0.0
        self.begun = time.perf_counter()

    def state_dict(self) -> dict:
        return {"rows": self.rows}

    def load_state_dict(self, state: dict) -> None:
        self.rows = state["rows"]
        self.before = self.rows[-1]["seconds"] if self.rows else 0.0

    def on_train_start(self, trainer: pl.Trainer, learner: pl.LightningModule) -> None:
        self.begun = time.perf_counter()

    def on_train_batch_end(self, trainer: pl.Trainer, learner: pl.LightningModule, outputs, batch, number) -> None:
        self.losses.append(float(outputs["loss"]))

    def on_train_epoch_end(self, trainer: pl.Trainer, learner: pl.LightningModule) -> None:
        validated = trainer.callback_metrics if trained_and_validated(trainer) else {}
        sound = [loss for loss in self.losses if isfinite(loss)]  # others taught nothing: `SoundSteps`
        row = {
            "step": trainer.global_step,
            "loss": float(np.mean(sound)) if sound else nan,
            "learning_rate": trainer.optimizers[0].param_groups[0]["lr"],
            "validation_loss": number_of(validated.get("validation_loss")),
            "validation_score": number_of(validated.get("validation_score")),
            "seconds": round(self.before + time.perf_counter() - self.begun, 1),
        }
        self.losses = []
        self.rows.append(row)
        if not trainer.is_global_zero:
            return
        for logger in trainer.loggers:
            logger.log_metrics({key: value for key, value in row.items() if value is not None}, row["step"])
        table = io.StringIO()
        rows = csv.DictWriter(table, COLUMNS, lineterminator="\n")
        rows.writeheader()
        rows.writerows(self.rows)
        write_whole(self.folder / TABLE, table.getvalue().encode())
        write_whole(self.folder / PICTURE, picture(self.rows, self.score))


def trained_and_validated(trainer: pl.Trainer) -> bool:
    """Whether the epoch just ended had a validation: else the last one's numbers are still there."""
    every = trainer.check_val_every_n_epoch
    return bool(trainer.num_val_batches) and (trainer.current_epoch + 1) % every == 0


def number_of(metric) -> float | None:
    return None if metric is None else float(metric)


def picture(rows: list[dict], score: str) -> bytes:
    """PNG: both losses above, the score below, over steps."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    marker = "o" if len(rows) < 30 else None
    steps = [row["step"] for row in rows]
    above.plot(steps, [row["loss"] for row in rows], label="training", color="#1f6f8b", marker=marker, ms=3)
    validated = [row for row in rows if row["validation_loss"] is not None]
    if validated:
        then = [row["step"] for row in validated]
        red = {"color": "#d1495b", "marker": "o", "ms": 3}
        above.plot(then, [row["validation_loss"] for row in validated], label="validation", **red)
        below.plot(then, [row["validation_score"] for row in validated], **red)
    else:
        below.text(0.5, 0.5, "no validation yet", transform=below.transAxes, ha="center", va="center", color="#777")
    above.set_ylabel("loss")
    above.legend(frameon=False)
    below.set_ylabel(f"validation {score}")
    below.set_ylim(-0.02, 1.02)
    below.set_xlabel("step")
    for axes in (above, below):
        axes.grid(alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    png = io.BytesIO()
    FigureCanvasAgg(figure).print_png(png)
    return png.getvalue()
