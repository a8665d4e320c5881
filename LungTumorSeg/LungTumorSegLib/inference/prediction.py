"""What a prediction, and its explanation, hand back."""

from __future__ import annotations

from dataclasses import dataclass

from LungTumorSegLib.volume.box import Box


@dataclass(frozen=True)
class Prediction:
    """probability : where something was found, on the scan's own grid and axes: float32 0..1, values below 0.01
        stored as 0, in the smallest box that holds the others (empty where there are none).
    threshold : the one that was asked for, or the model's.
    device, half : what really ran: "cpu" or "cuda"; half precision or not.
    seconds : of each stage. multiply_adds : of all windows that ran, by torchinfo's convention.
    energy_joules : of the whole machine, None where it cannot be read.
    model : its name. classes : of those that it knows the ones that are shown. notes : one line each, for the user.
    """

    probability: Box
    threshold: float
    device: str
    half: bool
    seconds: dict[str, float]
    multiply_adds: int
    energy_joules: float | None
    model: str
    classes: tuple[str, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """heat : Grad-CAM, 0..1, on the scan's own grid and axes. device : what really ran. notes : as of a prediction."""

    heat: Box
    device: str
    notes: tuple[str, ...] = ()
