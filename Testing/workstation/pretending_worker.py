"""The real resident process with an engine that pretends: two balls in any CT, a ball about a point.

The model "lungs" finds more, and calls it a lung.
"""

import json
import os
import time
from pathlib import Path

import numpy as np

from LungTumorSegLib.errors import Cancelled, InputRefused
from LungTumorSegLib.volume.box import EMPTY, Box
from LungTumorSegLib.worker import resident

HOLD = Path(os.environ["PRETENDING_HOLD"]) if "PRETENDING_HOLD" in os.environ else None  # no answer while it is there
# k, j, i of the middle, radius mm, probability there
BALLS = json.loads(os.environ.get("PRETENDING_BALLS", "[[11, 20, 20, 9.0, 1.0], [12, 42, 44, 7.0, 0.8]]"))


def ball(volume, middle, radius) -> np.ndarray:
    """From 1 in the middle to 0 at the radius."""
    kji = np.ogrid[tuple(map(slice, volume.geometry.shape))]
    spacing = volume.geometry.spacing[::-1]
    apart = np.sqrt(sum(((axis - m) * mm) ** 2 for axis, m, mm in zip(kji, middle, spacing, strict=True)))
    return np.clip(1 - apart / radius, 0, 1).astype(np.float32)


class PretendingEngine:
    devices = ("cpu",)

    def compute(self, work, volume, progress, cancelled):
        from LungTumorSegLib.worker.conversation import Answer

        volume = volume[0] if isinstance(volume, (tuple, list)) else volume
        name = type(work).__name__
        meta = {"device": "cpu", "threshold": 0.5, "model": work.model, "notes": [], "half": False}
        meta |= {"multiply_adds": 10**9, "energy_joules": None, "seconds": {}}
        if name == "Load":
            return Answer({"fingerprint": "f" * 64}, EMPTY)
        for n in range(60 if work.model == "slow" else 4):
            progress("finding lungs", n / 60)
            if cancelled():
                raise Cancelled
            time.sleep(0.03)
        while HOLD is not None and HOLD.exists():
            progress("finding lungs", 0.5)
            if cancelled():
                raise Cancelled
            time.sleep(0.03)
        if name == "Prompt":
            return Answer(meta, self.prompted(work, volume))
        whole = np.zeros(volume.geometry.shape, np.float32)
        for *middle, radius, peak in BALLS:
            np.maximum(whole, peak * ball(volume, middle, radius), out=whole)
        if work.model == "lungs":
            return Answer(meta | {"threshold": 0.4, "classes": ["left lung"]}, Box((0, 0, 0), np.sqrt(whole)))
        return Answer(meta | {"threshold": 0.4, "classes": ["tumour"]}, Box((0, 0, 0), whole))

    def prompted(self, work, volume) -> Box:
        points = np.array(work.points_inside or [np.mean(work.box, axis=0)])
        ijk = volume.geometry.lps_to_ijk(points)
        if (ijk < -0.5).any() or (ijk > np.array(volume.geometry.shape[::-1]) - 0.5).any():
            raise InputRefused("The point lies outside the scan: place it in the lesion.")
        whole = np.zeros(volume.geometry.shape, np.float32)
        for middle in ijk[:, ::-1]:
            whole = np.maximum(whole, ball(volume, middle, 6.0))
        for middle in volume.geometry.lps_to_ijk(np.array(work.points_outside or np.zeros((0, 3))))[:, ::-1]:
            whole[ball(volume, middle, 3.0) > 0] = 0
        return Box((0, 0, 0), whole)


if __name__ == "__main__":
    resident.main(PretendingEngine)
