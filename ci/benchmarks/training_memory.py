"""The most memory that `lungtumorseg train` ever takes, with some cases and with four times as many.

    ci/benchmark training_memory [--cases 24] [--steps 20] [--recipe energy-efficient-enet] [--set KEY=VALUE ...]

The cases are made: noise around a ball, 48 x 128 x 128 voxels, a patient each. Each run is a process of its own, its
figure the largest of it and its processes that make batches, as the system counts it (resident, mapped files included).
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import SimpleITK as sitk

PROGRAM = Path(sys.executable).with_name("lungtumorseg")
SHAPE = (48, 128, 128)
TIMES = (1, 4)
SMALL = ("data.window=[64,64]", "run.batch=8", "run.validation_windows=16", "optimiser.learning_rate=1e-3")


def write_cases(folder: Path, cases: int) -> int:
    """Bytes of their voxels, images and masks."""
    k, j, i = np.indices(SHAPE)
    inside = ((k - 24) * 2) ** 2 + (j - 64) ** 2 + (i - 64) ** 2 < 20**2
    total = 0
    for number in range(cases):
        noise = np.random.default_rng(number).normal(0, 30, SHAPE)
        image = (np.where(inside, 40, -850) + noise).astype(np.int16)
        for kind, array in (("image", image), ("mask", inside.astype(np.uint8))):
            picture = sitk.GetImageFromArray(array)
            picture.SetSpacing((1.4, 1.4, 2.8))
            place = folder / f"Made-{number:04}"
            place.mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(picture, str(place / f"{kind}.mha"))
            total += array.nbytes
    return total


def peak_mib(words: list[str], log: Path) -> float:
    """Of the command and the processes that it waited for; Linux counts in KiB."""
    with log.open("w") as said:
        process = subprocess.Popen(words, stdout=said, stderr=said)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(words[:2])} failed: {log.read_text()[-600:]}")
    return used.ru_maxrss / 1024


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--cases", type=int, default=24)
    arguments.add_argument("--steps", type=int, default=20)
    arguments.add_argument("--recipe", default="energy-efficient-enet")
    arguments.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    given = arguments.parse_args()
    settings = [*SMALL, f"run.steps={given.steps}", f"run.steps_an_epoch={given.steps}", *given.set]
    print("| cases | their voxels, MiB | peak of `train`, MiB |\n| --- | --- | --- |", flush=True)
    for times in TIMES:
        with tempfile.TemporaryDirectory() as place:
            data, out = Path(place) / "data", Path(place) / "model"
            size = write_cases(data, given.cases * times)
            words = [PROGRAM, "train", "--recipe", given.recipe, "--data", data, "-o", out, "--threads", 1]
            words += [word for each in settings for word in ("--set", each)]
            peak = peak_mib([str(word) for word in words], Path(place) / "log")
        print(f"| {given.cases * times} | {size / 2**20:.0f} | {peak:.0f} |", flush=True)


if __name__ == "__main__":
    main()
