"""Training killed (SIGKILL) at random moments and resumed: are the weights those of an unbroken run?

    ci/benchmark kills [--times N] [--steps N] [--seed N]

A small network learns balls in noise, begun with a model, which must not change. A row a kill: the step of the
checkpoint that was left, whether the resumed run's weights equal the unbroken one's bit for bit, and whether the model
begun with is as it was. Each run is a process of its own, as a user's is.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(REPOSITORY / "Testing" / "training"))

from made_cases import make_cases  # noqa: E402 - the tests' own data

PROGRAM = Path(sys.executable).with_name("lungtumorseg")
RECIPE = """
[network]
name = "UNet-Narrow"
arguments = {{ base_filters = 2 }}
[data]
window = [16, 16]
[averaging]
name = "ema"
[run]
steps = {steps}
steps_an_epoch = 2
batch = 4
workers = 1
validation_windows = 8
"""


def command(folder: Path, out: Path, *more: str) -> list[str]:
    words = ["train", "--recipe", folder / "recipe.toml", "--data", folder / "cases", "-o", out, "--threads", 1, *more]
    return [str(PROGRAM), *map(str, words)]


def digest(folder: Path) -> str:
    return hashlib.sha256((folder / "weights.safetensors").read_bytes()).hexdigest()


def checkpoint_step(folder: Path) -> int:
    from LungTumorSegLib.training.safe_checkpoints import CHECKPOINT, read_checkpoint

    path = folder / CHECKPOINT
    return read_checkpoint(path)["global_step"] if path.is_file() else 0


def killed(words: list[str], at: int, delay: float, out: Path) -> int:
    """Begins a run and kills it `delay` seconds after its checkpoint has reached the step; the step that is left."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not ((out / "run.json").is_file() and checkpoint_step(out) >= at):
        time.sleep(0.01)
    time.sleep(delay)
    process.kill()
    process.wait()
    return checkpoint_step(out)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--times", type=int, default=10)
    arguments.add_argument("--steps", type=int, default=60)
    arguments.add_argument("--seed", type=int, default=0)
    given = arguments.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        make_cases(folder / "cases")
        (folder / "recipe.toml").write_text(RECIPE.format(steps=2))
        subprocess.run(command(folder, folder / "base"), check=True, capture_output=True)
        (folder / "recipe.toml").write_text(RECIPE.format(steps=given.steps))
        start = ["--from", str(folder / "base")]
        base, began = digest(folder / "base"), time.perf_counter()
        subprocess.run(command(folder, folder / "run", *start), check=True, capture_output=True)
        whole = digest(folder / "run")
        rows = (folder / "run" / "curves.csv").read_text().splitlines()
        training = float(rows[-1].split(",")[-1])
        print(f"unbroken: {given.steps} steps, {training:.1f} s of {time.perf_counter() - began:.1f} s training")
        print("| kill | at step | step of the checkpoint left | weights equal | base unchanged |")
        print("| --- | --- | --- | --- | --- |", flush=True)
        chance, equal = random.Random(given.seed), 0
        for number in range(given.times):
            shutil.rmtree(folder / "run")
            at, delay = chance.randrange(0, given.steps, 2), chance.uniform(0, 2 * training / given.steps)
            step = killed(command(folder, folder / "run", *start), at, delay, folder / "run")
            subprocess.run(command(folder, folder / "run", *start, "--resume"), check=True, capture_output=True)
            same, kept = digest(folder / "run") == whole, digest(folder / "base") == base
            equal += same and kept
            print(f"| {number + 1} | {at} + {delay:.2f} s | {step} | {same} | {kept} |", flush=True)
        print(f"{equal} of {given.times} resumed to the same weights")
        if equal < given.times:
            raise SystemExit(1)


if __name__ == "__main__":
    main()
