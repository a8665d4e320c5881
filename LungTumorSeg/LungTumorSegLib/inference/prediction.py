"""What a prediction hands back."""

from __future__ import annotations

from dataclasses import dataclass

from LungTumorSegLib.volume.box import Box

# The part of a scan where something was found, on the scan's grid in its own axis order (k, j, i): values are float32
# 0..1, those below 0.01 are stored as 0, and the box is the smallest that holds the others: (0, 0, 0) where none are.
ProbabilityBox = Box


@dataclass(frozen=True)
class Prediction:
    """probability : see `ProbabilityBox`.
    threshold : the one that was asked for, or the model's.
    device, half : what really ran: "cpu" or "cuda"; half precision or not.
    seconds : of each stage. multiply_adds : of all windows that ran, by torchinfo's convention.
    energy_joules : of the whole machine, None where it cannot be read.
    model : its name. notes : one line each, for the user.
    """

    probability: ProbabilityBox
    threshold: float
    device: str
    half: bool
    seconds: dict[str, float]
    multiply_adds: int
    energy_joules: float | None
    model: str
    notes: tuple[str, ...]
