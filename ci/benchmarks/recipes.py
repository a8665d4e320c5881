"""Every recipe from data to a lesion: trained for a few steps on real CT, used by `segment`, judged by `evaluate`.

    ci/benchmark recipes SHARED [-o OUT] [--only NAME] [--steps N]

SHARED holds `scans` and `lidc-nodules`. A row a recipe: its data's layout, seconds of training and of segmenting,
validation score of the run, Dice of `lungtumorseg evaluate` on one scan. What is done in OUT is not done again.

It shows that the way works from end to end; so few steps on two patients make no model. Data are made of the CTs:
tumours of LIDC-IDRI-0001 and -0003, cut 45 mm around their outlines, in three layouts; left and right lung of LUNG1-001
(thinned) and cip-ct-64; for the four sequences of BraTS four windows of CT, with core and rim of the tumour as labels.
LUNG1-001 is CC BY-NC: the model learnt from it is an experiment and is not to be shipped.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

PROGRAM = Path(sys.executable).with_name("lungtumorseg")
PATIENTS = ("LIDC-IDRI-0001", "LIDC-IDRI-0003")
AROUND_MM = 45.0
SMALL_2D = ["data.window=[128,128]", "run.batch=4", "optimiser.find_steps=40"]
SMALL_3D = ["data.window=[32,64,64]", "run.batch=1", "card.overlap=0.25"]
# Recipe -> (layout of its data, settings that make it short)
ROWS = {
    "energy-efficient-enet": ("decathlon", SMALL_2D),
    "two-stage-gate": ("two folders", [*SMALL_2D, "gate.run.steps={steps}"]),
    "pscc-swinunetr": ("nnunet", [*SMALL_3D, "network.arguments={{feature_size=12}}", "run.precision='32'"]),
    "lungs-left-right": ("lungs", [*SMALL_2D, "data.spacing_mm=['own',3.9,3.9]", "data.window=[96,96]"]),
    "brats-residual": ("brats", SMALL_3D),
    "brats-dilated": ("brats", SMALL_3D),
    "prompted": ("nodules", ["data.lungs={lungs}", "run.batch=2"]),
    "automatic": ("nodules", ["data.lungs={lungs}", "run.batch=2"]),
}
SHORT = ["run.steps={steps}", "run.steps_an_epoch={epoch}", "run.validation_windows=8", "run.validate_every=1"]
SHORT += ["run.workers=0", "schedule.warm_up=2", "run.seed=1"]


def read(path: Path) -> sitk.Image:
    return sitk.ReadImage(str(path))


def write(array: np.ndarray, like: sitk.Image, path: Path) -> None:
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(like)
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(image, str(path), useCompression=True)


def tumours(scans: Path) -> dict[str, tuple[sitk.Image, sitk.Image]]:
    """CT and mask of each patient, cut around all outlines."""
    cut = {}
    for name in PATIENTS:
        image, mask = read(scans / name / "image.nii.gz"), read(scans / name / "mask.nii.gz")
        found = np.argwhere(sitk.GetArrayViewFromImage(mask) > 0)[:, ::-1]
        margin = np.ceil(AROUND_MM / np.array(image.GetSpacing())).astype(int)
        first = np.maximum(found.min(0) - margin, 0)
        last = np.minimum(found.max(0) + margin + 1, image.GetSize())
        box = tuple(slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
        cut[name] = image[box], sitk.Cast(mask[box] > 0, sitk.sitkUInt8)
    return cut


def decathlon(shared: Path, folder: Path) -> None:
    pairs = []
    for name, (image, mask) in tumours(shared / "scans").items():
        for side, each in (("imagesTr", image), ("labelsTr", mask)):
            (folder / side).mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(each, str(folder / side / f"{name}.nii.gz"))
        pairs.append({"image": f"./imagesTr/{name}.nii.gz", "label": f"./labelsTr/{name}.nii.gz"})
    about = {"modality": {"0": "CT"}, "labels": {"0": "background", "1": "cancer"}, "training": pairs, "test": []}
    (folder / "dataset.json").write_text(json.dumps(about))


def two_folders(shared: Path, folder: Path) -> None:
    for name, pair in tumours(shared / "scans").items():
        for side, each in zip(("images", "masks"), pair, strict=True):
            (folder / side).mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(each, str(folder / side / f"{name}.nrrd"), useCompression=True)


def nnunet(shared: Path, folder: Path) -> None:
    for name, pair in tumours(shared / "scans").items():
        for side, end, each in zip(("imagesTr", "labelsTr"), ("_0000", ""), pair, strict=True):
            (folder / side).mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(each, str(folder / side / f"{name}{end}.nii.gz"))
    about = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "tumour": 1}, "file_ending": ".nii.gz"}
    (folder / "dataset.json").write_text(json.dumps(about))


def lungs(shared: Path, folder: Path) -> None:
    """LUNG1-001 with every fourth pixel, whose lungs are given by side; cip-ct-64's are told apart by their middle."""
    scans = shared / "scans"
    thin = (slice(None, None, 4), slice(None, None, 4), slice(None))
    sides = [read(scans / "LUNG1-001" / f"lung_{side}.nii.gz")[thin] for side in ("left", "right")]
    both = [sitk.GetArrayFromImage(side) > 0 for side in sides]
    image = read(scans / "LUNG1-001" / "image.nii.gz")[thin]
    write(sitk.GetArrayFromImage(image), image, folder / "LUNG1-001" / "image.nii.gz")
    write(np.where(both[0], 1, np.where(both[1], 2, 0)).astype(np.uint8), image, folder / "LUNG1-001" / "mask.nii.gz")
    image, lung = (read(scans / "cip-ct-64" / f"{kind}.nii.gz") for kind in ("image", "lung"))
    inside = sitk.GetArrayFromImage(lung) > 0
    place = np.argwhere(inside)
    x = np.array(
        [image.TransformContinuousIndexToPhysicalPoint((float(i), 0.0, 0.0))[0] for i in range(inside.shape[2])]
    )
    left = x > np.median(x[place[:, 2]])
    labels = np.where(inside, np.where(left, 1, 2)[None, None], 0).astype(np.uint8)
    write(sitk.GetArrayFromImage(image), image, folder / "cip-ct-64" / "image.nii.gz")
    write(labels, image, folder / "cip-ct-64" / "mask.nii.gz")
    (folder / "classes.json").write_text(json.dumps({"1": "left lung", "2": "right lung"}))


def brats(shared: Path, folder: Path) -> None:
    """No MR is at hand: four windows of CT stand for the four sequences."""
    windows = {"t1": (-1000, -200), "t1ce": (-160, 240), "t2": (-600, 600), "flair": (-1000, 400)}
    for name, (image, mask) in tumours(shared / "scans").items():
        hu, inside = sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(mask) > 0
        for sequence, (low, high) in windows.items():
            shown = (hu.clip(low, high) - low).astype(np.int16)
            write(shown, image, folder / name / f"{name}_{sequence}.mha")
        core = ndimage.binary_erosion(inside, iterations=2)
        write((inside * 2 - core).astype(np.uint8), image, folder / name / f"{name}_seg.mha")


def nodules(shared: Path, folder: Path) -> None:
    """Forty crops; lungs without an outlined tumour to set them into."""
    with (shared / "lidc-nodules" / "nodules.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))[:40]
    for kind in ("images", "masks", "reader_votes"):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for row in rows:
            shutil.copy(shared / "lidc-nodules" / kind / f"{row['id']}.nii.gz", folder / kind)
    with (folder / "nodules.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, rows[0].keys())
        table.writeheader()
        table.writerows(rows)


def backgrounds(shared: Path, folder: Path) -> None:
    place = folder / "elastix-baseline"
    place.mkdir(parents=True)
    sitk.WriteImage(read(shared / "scans" / "elastix-baseline-rightlung" / "image.nii.gz"), str(place / "image.nrrd"))
    (place / "unknown.json").write_text("[]")


LAYOUTS = {
    "decathlon": decathlon,
    "two folders": two_folders,
    "nnunet": nnunet,
    "lungs": lungs,
    "brats": brats,
    "nodules": nodules,
}


def made(make, shared: Path, folder: Path) -> Path:
    if not folder.exists():
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        make(shared, unfinished)
        os.replace(unfinished, folder)
    return folder


def run(*words: object, log: Path) -> float:
    """Seconds of one command; ends with its output where it fails."""
    began = time.perf_counter()
    done = subprocess.run([str(PROGRAM), *map(str, words)], capture_output=True, text=True, check=False)
    log.write_text(done.stdout + done.stderr)
    if done.returncode:
        raise SystemExit(f"lungtumorseg {words[0]} failed ({done.returncode}): {done.stderr.strip()[-600:]}")
    return time.perf_counter() - began


def judged_case(recipe: str, shared: Path, data: Path, out: Path) -> tuple[Path, Path, list]:
    """A scan, a folder with its reference, and what `segment` is told beside: one the run has seen or validated on."""
    references = out / "references"
    references.mkdir(exist_ok=True)
    if recipe == "lungs-left-right":
        scan, mask, more = (
            data / "LUNG1-001" / "image.nii.gz",
            data / "LUNG1-001" / "mask.nii.gz",
            ["--class", "left lung"],
        )
        reference = sitk.Cast(read(mask) == 1, sitk.sitkUInt8)
    else:
        pair = tumours(shared / "scans")["LIDC-IDRI-0001"]
        scan, reference, more = out / "scan.nii.gz", pair[1], []
        sitk.WriteImage(pair[0], str(scan))
        if recipe.startswith("brats"):
            scan = data / PATIENTS[0]  # the folder of a case
        if recipe == "prompted":
            inside = sitk.GetArrayFromImage(reference) > 0
            depth = ndimage.distance_transform_edt(inside)
            k, j, i = map(int, np.unravel_index(depth.argmax(), depth.shape))
            point = reference.TransformIndexToPhysicalPoint((i, j, k))
            more = ["--point", ",".join(f"{x:.2f}" for x in point)]
    sitk.WriteImage(reference, str(references / "case.nii.gz"))
    return scan, references, more


def row(recipe: str, shared: Path, out: Path, steps: int) -> dict:
    layout, settings = ROWS[recipe]
    data = made(LAYOUTS[layout], shared, out / "data" / layout.replace(" ", "-"))
    lungs_folder = made(backgrounds, shared, out / "data" / "whole-lungs")
    place = out / recipe
    place.mkdir(parents=True, exist_ok=True)
    if (place / "row.json").is_file():
        return json.loads((place / "row.json").read_text())
    words = [text.format(steps=steps, epoch=max(1, steps // 4), lungs=lungs_folder) for text in [*SHORT, *settings]]
    model = place / "model"
    sets = [word for text in words for word in ("--set", text)]
    training = place / "training_s.json"
    if not training.is_file():
        shutil.rmtree(model, ignore_errors=True)
        order = ("train", "--recipe", recipe, "--data", data, "-o", model, "--threads", 1, *sets)
        training.write_text(json.dumps(run(*order, log=place / "train.log")))
    scan, references, more = judged_case(recipe, shared, data, place)
    predictions = place / "predictions"
    result = predictions / "case"
    segmenting = run("segment", scan, "-o", result, "--model", model, *more, log=place / "segment.log")
    judged = place / "evaluation"
    shutil.rmtree(judged, ignore_errors=True)
    words = ("evaluate", "--predictions", predictions, "--references", references, "-o", judged, "--no-pictures")
    run(*words, "--resamples", 100, "--json", log=place / "evaluate.json")
    card = json.loads((model / "model.json").read_text())
    found = {
        "recipe": recipe,
        "layout": layout,
        "network": card["network"],
        "steps": card["provenance"]["steps_done"],
        "training_s": round(json.loads(training.read_text()), 1),
        "validation": card["provenance"]["metrics"].get("validation_dice_of_windows"),
        "segmenting_s": round(segmenting, 1),
        "dice": dice_of(place / "evaluate.json"),
    }
    (place / "row.json").write_text(json.dumps(found))
    return found


def dice_of(path: Path) -> float | None:
    content = json.loads(path.read_text())
    return content["cases"][0]["dice"]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("shared", type=Path)
    arguments.add_argument("-o", "--out", type=Path, default=Path("out/recipes"))
    arguments.add_argument("--only", action="append", choices=list(ROWS))
    arguments.add_argument("--steps", type=int, default=40)
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    print("| recipe | network | data | steps | training, s | validation Dice | segment, s | Dice of the scan |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for recipe in given.only or ROWS:
        found = row(recipe, given.shared, given.out, given.steps)
        scores = [f"{found[key]:.3f}" if found[key] is not None else "-" for key in ("validation", "dice")]
        cells = [*(found[key] for key in ("recipe", "network", "layout", "steps", "training_s")), scores[0]]
        print("|", " | ".join(map(str, [*cells, found["segmenting_s"], scores[1]])), "|", flush=True)


if __name__ == "__main__":
    main()
