"""The real resident process with an engine that pretends: two balls are found in any CT. Never part of the product.

The model "lungs" finds more, and calls it a lung.
"""

import time

import numpy as np

from LungTumorSegLib.errors import Cancelled
from LungTumorSegLib.volume.box import EMPTY, Box
from LungTumorSegLib.worker import resident

START = (3, 8, 8)


def balls(shape=(16, 40, 44)) -> np.ndarray:
    k, j, i = np.indices(shape)
    one = np.sqrt(((k - 8) * 1.25) ** 2 + ((j - 12) * 0.7) ** 2 + ((i - 12) * 0.7) ** 2) / 9
    two = np.sqrt(((k - 8) * 1.25) ** 2 + ((j - 30) * 0.7) ** 2 + ((i - 34) * 0.7) ** 2) / 7
    return np.clip(np.maximum(1 - one, 0.8 * (1 - two)), 0, 1).astype(np.float32)


class PretendingEngine:
    devices = ("cpu",)

    def compute(self, work, images, progress, cancelled):
        from LungTumorSegLib.worker.conversation import Answer

        name, values = type(work).__name__, balls()
        if name == "Load":
            return Answer({}, EMPTY)
        if name == "Prompt":  # a cube about the point
            values = np.full((4, 6, 6), 0.9, np.float32)
            return Answer({"device": "cpu", "threshold": 0.5}, Box((22, 40, 40), values))
        for n in range(100 if work.model == "slow" else 3):
            progress("finding lungs", n / 100)
            if cancelled():
                raise Cancelled
            time.sleep(0.05)
        meta = {"device": "cpu", "threshold": 0.4, "model": work.model}
        if work.model == "lungs":
            return Answer(meta | {"classes": ["left lung"]}, Box(START, np.sqrt(values)))
        return Answer(meta, Box(START, values))


if __name__ == "__main__":
    resident.main(PretendingEngine)
