"""Every recipe from data to a lesion: trained for a few steps on real CT, used by `segment`, judged by `evaluate`.

    ci/benchmark recipes SHARED [-o OUT] [--only RECIPE] [--steps N]

SHARED holds `scans` and `lidc-nodules`. A row a recipe and kind of data: seconds of training and of segmenting,
validation score of the run, Dice of `lungtumorseg evaluate` on one scan. A row that OUT holds, made by the same recipe,
settings and steps, is not made again: the same command goes on where it was ended.

It shows that the way works from end to end; so few steps on two patients make no model. Data are made of the CTs:
tumours of LIDC-IDRI-0001 and -0003, cut 45 mm around their outlines, in three layouts; left and right lung of LUNG1-001
(thinned) and cip-ct-64; for the four sequences of BraTS four windows of CT, with core and rim of the tumour as labels;
for X-rays sums of these CTs along rays from the front and from the side.
LUNG1-001 is CC BY-NC: the model learnt from it is an experiment and is not to be shipped.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from LungTumorSegLib.training.recipe_file import RECIPES
from LungTumorSegLib.volume.run_length import encode

PROGRAM = Path(sys.executable).with_name("lungtumorseg")
PATIENTS = ("LIDC-IDRI-0001", "LIDC-IDRI-0003")
AROUND_MM = 45.0
SMALL_2D = ["data.window=[128,128]", "run.batch=4", "optimiser.find_steps=40"]
SMALL_3D = ["data.window=[32,64,64]", "run.batch=1", "card.overlap=0.25"]
PICTURES = ["data.hu_range='own'", "data.spacing_mm=['own','own','own']"]


@dataclass(frozen=True)
class Row:
    """settings : that make it short."""

    recipe: str
    layout: str
    settings: list[str]

    @property
    def name(self) -> str:
        return f"{self.recipe}-{self.layout}".replace(" ", "-")


ROWS = [
    Row("energy-efficient-enet", "decathlon", SMALL_2D),
    Row("two-stage-gate", "two folders", [*SMALL_2D, "gate.run.steps={steps}"]),
    Row("two-stage-gate", "run lengths", [*SMALL_2D, *PICTURES, "gate.run.steps={steps}"]),
    Row("pscc-swinunetr", "nnunet", [*SMALL_3D, "network.arguments={{feature_size=12}}", "run.precision='32'"]),
    Row("lungs-left-right", "lungs", [*SMALL_2D, "data.spacing_mm=['own',3.9,3.9]", "data.window=[96,96]"]),
    Row("lungs-left-right", "pictures", [*SMALL_2D, *PICTURES]),
    Row("brats-residual", "brats", SMALL_3D),
    Row("brats-dilated", "brats", SMALL_3D),
    Row("prompted", "nodules", ["data.lungs={lungs}", "run.batch=2"]),
    Row("automatic", "nodules", ["data.lungs={lungs}", "run.batch=2"]),
]
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


def films(image: sitk.Image, labels: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """From the front and from the side, 1 mm a pixel: grey 0 to 255, and what is marked anywhere along the ray (of two
    labels the one marked more often). Arrays [row, column], head up."""
    hu, found = sitk.GetArrayFromImage(image).clip(-1000, 400), {}
    for side, along, across in (("front", 1, 0), ("side", 2, 1)):
        size = np.array([image.GetSpacing()[2], image.GetSpacing()[across]])
        grey = ndimage.zoom(hu.mean(along), size, order=1)
        grey = (grey - grey.min()) / np.ptp(grey) * 255
        often = np.stack([(labels == n).sum(along) for n in range(1, labels.max() + 1)] or [hu.any(along) * 0])
        marked = np.where(often.any(0), often.argmax(0) + 1, 0)
        marked = ndimage.zoom(marked, size, order=0)
        found[side] = tuple(array[::-1].astype(np.uint8) for array in (grey, marked))
    return found


def write_picture(array: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(np.ascontiguousarray(array)), str(path))


def run_lengths(shared: Path, folder: Path) -> None:
    """As SIIM-ACR has them: pictures, and a CSV with the shadows of the tumours."""
    scans = tumours(shared / "scans")
    without = read(shared / "scans" / "elastix-baseline-rightlung" / "image.nii.gz")
    scans["elastix-baseline"] = without, sitk.Image(without.GetSize(), sitk.sitkUInt8)
    rows = [("ImageId", "EncodedPixels")]
    for name, (image, mask) in scans.items():
        for side, (grey, shadow) in films(image, sitk.GetArrayFromImage(mask)).items():
            write_picture(grey, folder / "films" / f"{name}_{side}.png")
            rows.append((f"{name}_{side}", encode(shadow > 0)))
    with (folder / "train.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)


def pictures(shared: Path, folder: Path) -> None:
    """Left and right lung in pictures from the front; from the side they cover each other."""
    lungs(shared, folder / "scans")
    for case in ("LUNG1-001", "cip-ct-64"):
        image, mask = (read(folder / "scans" / case / f"{kind}.nii.gz") for kind in ("image", "mask"))
        grey, sides = films(image, sitk.GetArrayFromImage(mask))["front"]
        write_picture(grey, folder / "images" / f"{case}.png")
        write_picture(sides, folder / "masks" / f"{case}.png")
    shutil.rmtree(folder / "scans")
    (folder / "classes.json").write_text(json.dumps({"1": "left lung", "2": "right lung"}))


LAYOUTS = {
    "decathlon": decathlon,
    "two folders": two_folders,
    "nnunet": nnunet,
    "run lengths": run_lengths,
    "lungs": lungs,
    "pictures": pictures,
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


def judged_case(row: Row, shared: Path, data: Path, out: Path) -> tuple[Path, Path, list]:
    """A scan, a folder with its reference, and what `segment` is told beside: one the run has seen or validated on."""
    references, more = out / "references", []
    references.mkdir(exist_ok=True)
    if row.recipe == "lungs-left-right":
        more = ["--class", "left lung"]
    if row.layout == "pictures":
        left = sitk.GetArrayFromImage(read(data / "masks" / "LUNG1-001.png")) == 1
        write_picture(left.astype(np.uint8), references / "case.png")
        return data / "images" / "LUNG1-001.png", references, more
    if row.layout == "run lengths":
        shadow = films(*masked(shared))["front"][1]
        write_picture(shadow * 255, references / "case.png")
        return data / "films" / f"{PATIENTS[0]}_front.png", references, more
    if row.layout == "lungs":
        scan, reference = (data / "LUNG1-001" / f"{kind}.nii.gz" for kind in ("image", "mask"))
        sitk.WriteImage(sitk.Cast(read(reference) == 1, sitk.sitkUInt8), str(references / "case.nii.gz"))
        return scan, references, more
    image, reference = tumours(shared / "scans")[PATIENTS[0]]
    scan = out / "scan.nii.gz"
    sitk.WriteImage(image, str(scan))
    sitk.WriteImage(reference, str(references / "case.nii.gz"))
    if row.recipe == "prompted":
        inside = sitk.GetArrayFromImage(reference) > 0
        depth = ndimage.distance_transform_edt(inside)
        k, j, i = map(int, np.unravel_index(depth.argmax(), depth.shape))
        more = ["--point", ",".join(f"{x:.2f}" for x in reference.TransformIndexToPhysicalPoint((i, j, k)))]
    return data / PATIENTS[0] if row.layout == "brats" else scan, references, more  # of BraTS the folder of a case


def masked(shared: Path) -> tuple[sitk.Image, np.ndarray]:
    image, mask = tumours(shared / "scans")[PATIENTS[0]]
    return image, sitk.GetArrayFromImage(mask)


def made_row(row: Row, shared: Path, out: Path, steps: int) -> dict:
    data = made(LAYOUTS[row.layout], shared, out / "data" / row.layout.replace(" ", "-"))
    whole_lungs = made(backgrounds, shared, out / "data" / "whole-lungs")
    words = [text.format(steps=steps, epoch=max(1, steps // 4), lungs=whole_lungs) for text in [*SHORT, *row.settings]]
    recipe = (RECIPES / f"{row.recipe}.toml").read_bytes()
    place = out / f"{row.name}-{hashlib.sha256(recipe + json.dumps(words).encode()).hexdigest()[:8]}"
    if (place / "row.json").is_file():
        return json.loads((place / "row.json").read_text())
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    model, predictions = place / "model", place / "predictions"
    sets = [word for text in words for word in ("--set", text)]
    order = ("train", "--recipe", row.recipe, "--data", data, "-o", model, "--threads", 1, *sets)
    training = run(*order, log=place / "train.log")
    scan, references, more = judged_case(row, shared, data, place)
    segmenting = run("segment", scan, "-o", predictions / "case", "--model", model, *more, log=place / "segment.log")
    order = ("evaluate", "--predictions", predictions, "--references", references, "-o", place / "evaluation")
    run(*order, "--no-pictures", "--resamples", 100, "--json", log=place / "evaluate.json")
    card = json.loads((model / "model.json").read_text())
    found = {
        "recipe": row.recipe,
        "layout": row.layout,
        "network": card["network"],
        "steps": card["provenance"]["steps_done"],
        "training_s": round(training, 1),
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
    arguments.add_argument("--only", action="append", choices=sorted({row.recipe for row in ROWS}))
    arguments.add_argument("--steps", type=int, default=40)
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    print("| recipe | network | data | steps | training, s | validation Dice | segment, s | Dice of the scan |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    for row in ROWS:
        if given.only and row.recipe not in given.only:
            continue
        found = made_row(row, given.shared, given.out, given.steps)
        scores = [f"{found[key]:.3f}" if found[key] is not None else "-" for key in ("validation", "dice")]
        cells = [*(found[key] for key in ("recipe", "network", "layout", "steps", "training_s")), scores[0]]
        print("|", " | ".join(map(str, [*cells, found["segmenting_s"], scores[1]])), "|", flush=True)


if __name__ == "__main__":
    main()
