"""Is a poisoned fine-tuning run refused? One clean run and five on spoilt masks, by `lungtumorseg train` and `promote`.

    ci/benchmark poison NODULES -o OUT [--steps 600] [--tune 60] [--base MODEL]

NODULES is laid out as lidc-nodules. Its training patients are split into those whom the base is taught with and those
of a site; validation patients are the site's held-out cases, test patients the frozen ones. What the site teaches is
shifted sideways, or emptied; nothing else is. Without --base one is trained first, small and short, from clean crops:
enough to be spoilt, not to be used. The last line counts, and says how good the base is: what finds next to nothing
can only be spoilt for the better.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from LungTumorSegLib.networks.fingerprint import fingerprint
from LungTumorSegLib.training.split import part_of

PROGRAM = Path(sys.executable).with_name("lungtumorseg")
# What is done to the masks that are taught: mm sideways, None = emptied
RUNS = {
    "clean": 0.0,
    "shifted 6 mm": 6.0,
    "empty": None,
    "shifted 9 mm": 9.0,
    "shifted -7 mm": -7.0,
    "empty again": None,
}
SMALLEST_MM = 10.0
RECIPE = {
    "network.name": "ENet",
    "data.spacing_mm": "['own',1.0,1.0]",
    "data.hu_range": "[-1000.0,400.0]",
    "data.window": "[64,64]",
    "data.validation_share": "0.1",
    "sampling.positive_share": "0.9",
    "loss.name": "dice-ce",
    "optimiser.learning_rate": "0.003",
    "schedule.warm_up": "5",
    "run.batch": "8",
    "run.validation_windows": "8",
    "run.workers": "0",
    "run.choose": "last",
    "run.patience": "0",
}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("nodules", type=Path)
    arguments.add_argument("--base", help="a model of the recipe's network")
    arguments.add_argument("--steps", type=int, default=600, help="of the base")
    arguments.add_argument("--tune", type=int, default=60, help="steps of each fine-tuning")
    arguments.add_argument("--most", type=int, default=12, help="nodules of each kind")
    arguments.add_argument("-o", "--out", type=Path, required=True)
    given = arguments.parse_args()

    with (given.nodules / "nodules.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if float(row["longest_axial_diameter_mm"]) >= SMALLEST_MM]
    parts = {part: [row for row in rows if part_of(row["patient"]) == part] for part in ("train", "validation", "test")}
    held_out, frozen = (
        write_crops(given.nodules, parts[part][: given.most], given.out / name)
        for part, name in (("validation", "held-out"), ("test", "frozen"))
    )
    site, others = parts["train"][: given.most], parts["train"][given.most : 5 * given.most]
    base = given.base or str(given.out / "base")
    if given.base is None and not (given.out / "base" / "model.json").is_file():
        taught = write_crops(given.nodules, others, given.out / "base-taught")
        done = train(taught, given.out / "base", given.steps, 0)
        if done.returncode:
            sys.exit(f"the base could not be trained: {done.stderr}")
    before = fingerprint(base)
    sets = ("--base", base, "--site", held_out, "--frozen", frozen, "-o", given.out / "models")

    print(f"{'taught masks':<14} {'train':>5} {'promote':>7}  outcome (exit codes 2 and 3 refuse)")
    refused = 0
    for number, (what, shift) in enumerate(RUNS.items()):
        taught = write_crops(given.nodules, site, given.out / f"taught-{number}", shift)
        model = given.out / f"model-{number}"
        trained = train(taught, model, given.tune, number, "--from", base)
        judged = None if trained.returncode else run("promote", model, *sets)
        last = judged or trained
        said = last.stderr.strip().splitlines()[-1] if last.returncode else "promoted"
        said += "" if judged is None else f" ({dice_of(given.out / 'models')})"
        refused += what != "clean" and last.returncode in (2, 3)
        print(
            f"{what:<14} {trained.returncode:>5} {'-' if judged is None else judged.returncode:>7}  {said}", flush=True
        )
    poisoned = sum(what != "clean" for what in RUNS)
    print(f"{refused} of {poisoned} poisoned runs refused; base {'un' * (fingerprint(base) == before)}changed")


def train(data: Path, model: Path, steps: int, seed: int, *start) -> subprocess.CompletedProcess:
    settings = {**RECIPE, "run.steps": steps, "run.steps_an_epoch": steps, "run.seed": seed}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    return run("train", "--recipe", "energy-efficient-enet", "--data", data, "-o", model, *start, *words)


def run(*words) -> subprocess.CompletedProcess:
    return subprocess.run([str(word) for word in (PROGRAM, *words)], capture_output=True, text=True, check=False)


def dice_of(registry: Path) -> str:
    """What the last report says."""
    report = json.loads(max((registry / "reports").glob("*.json")).read_text())
    dice = {part: (report[part]["dice_base"], report[part]["dice_candidate"]) for part in ("site", "frozen")}
    return "Dice: " + ", ".join(f"{part} {old:.3f} -> {new:.3f}" for part, (old, new) in dice.items())


def write_crops(source: Path, rows: list[dict], folder: Path, shift_mm: float | None = 0.0) -> Path:
    """These nodules in a folder of their own; masks and votes moved to the side by so much, or emptied (None)."""
    for kind in ("images", "masks", "reader_votes"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for row in rows:
            name = f"{row['id']}.nii.gz"
            image = sitk.ReadImage(str(source / kind / name))
            voxels = sitk.GetArrayFromImage(image)
            if kind != "images":
                voxels = moved(voxels, image.GetSpacing()[0], shift_mm)
            spoilt = sitk.GetImageFromArray(voxels)
            spoilt.CopyInformation(image)
            sitk.WriteImage(spoilt, str(folder / kind / name))
    with (folder / "nodules.csv").open("w", newline="") as lines:
        table = csv.DictWriter(lines, rows[0].keys())
        table.writeheader()
        table.writerows(rows)
    return folder


def moved(voxels: np.ndarray, spacing: float, shift_mm: float | None) -> np.ndarray:
    return np.zeros_like(voxels) if shift_mm is None else np.roll(voxels, round(shift_mm / spacing), 2)


if __name__ == "__main__":
    main()
