"""Makes a hospital's outlined scans to fine-tune from: real nodules set into real lungs; whole outlined scans are few.

    ci/benchmark site NODULES SCAN... -o OUT --part validation [--each 3] [--outline any]

NODULES is laid out as lidc-nodules; each SCAN is an image file or a folder with image.nii.gz and perhaps mask.nii.gz
(what that marks stays a lesion). Each scan gets so many nodules of that part's patients (`training.split`) whom no
default model was taught, each where its surroundings fit, its border hidden (`training.composition`). `any` outlines
what any reader marked, as a site does that outlines generously; `majority` what half of them did. OUT is a folder a
scan.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from LungTumorSegLib.networks.model import load_card
from LungTumorSegLib.training.backgrounds import Background
from LungTumorSegLib.training.composition import Scene, fitting_place, set_nodule
from LungTumorSegLib.training.crops import Nodule, read_nodules
from LungTumorSegLib.training.taught import may_judge
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.orientation import canonical
from LungTumorSegLib.volume.reading import read_ct, read_mask
from LungTumorSegLib.volume.writing import write_volume

SMALLEST_MM, APART_MM, AROUND_MM, LARGEST_MISFIT_HU, TRIES = 6.0, 45.0, 60.0, 200.0, 60
DEFAULT_MODELS = ("prompted", "automatic")
FROM = {"majority": 0.5, "any": 0.1}  # of the target, half the majority's verdict and half the share of readers


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("nodules", type=Path)
    arguments.add_argument("scans", type=Path, nargs="+")
    arguments.add_argument("--part", choices=["validation", "test"], required=True)
    arguments.add_argument("--each", type=int, default=3)
    arguments.add_argument("--outline", choices=list(FROM), default="majority")
    arguments.add_argument("--seed", type=int, default=5)
    arguments.add_argument("-o", "--out", type=Path, required=True)
    given = arguments.parse_args()
    torch.set_num_threads(1)
    rng = np.random.default_rng(given.seed)
    own = {scan.name for scan in given.scans}  # a patient's own nodules are in the scan already
    cards = [load_card(name) for name in DEFAULT_MODELS]
    pool = [
        nodule
        for nodule in read_nodules(given.nodules)
        if nodule.diameter_mm >= SMALLEST_MM
        and nodule.patient not in own
        and all(may_judge(card, nodule.patient, given.part) for card in cards)
    ]
    rng.shuffle(pool)
    for number, scan in enumerate(given.scans, start=1):
        image, mask, geometry = read(scan)
        placed = set_in(image, mask, geometry, pool, given.each, FROM[given.outline], rng)
        folder = given.out / f"{given.part.capitalize()}-{number:03}"
        folder.mkdir(parents=True)
        write_volume(folder / "image.nii.gz", Volume(image, geometry))
        write_volume(folder / "mask.nii.gz", Volume(mask, geometry))
        print(f"{folder.name}: {scan.name}, {placed} nodules set in", flush=True)


def read(scan: Path) -> tuple[np.ndarray, np.ndarray, Geometry]:
    """HU and mask in canonical order."""
    ct = read_ct(scan / "image.nii.gz" if scan.is_dir() else scan)
    orientation = canonical(ct.geometry)
    mask = np.zeros(ct.voxels.shape, np.uint8)
    if scan.is_dir() and (scan / "mask.nii.gz").is_file():
        mask = (read_mask(scan / "mask.nii.gz", ct).voxels > 0).astype(np.uint8)
    image, mask = (np.ascontiguousarray(orientation.apply(each)) for each in (ct.voxels, mask))
    return np.maximum(image, -1024).astype(np.int16), mask, orientation.geometry(ct.geometry)


def set_in(
    image: np.ndarray,
    mask: np.ndarray,
    geometry: Geometry,
    pool: list[Nodule],
    count: int,
    outlined_from: float,
    rng: np.random.Generator,
) -> int:
    """Sets nodules of the pool's beginning into image and mask, in place; returns how many. They leave the pool."""
    spacing, places = np.array(geometry.spacing[::-1]), []
    known = (~ndimage.binary_dilation(mask > 0, iterations=6)).astype(np.uint8)
    lungs = Background("scan", tuple(spacing), image.copy(), known)
    for _ in range(TRIES):
        if len(places) == count or not pool:
            break
        nodule = pool[0]
        anchor = np.add(*nodule.extent_mm) / 2
        place, mirror, misfit = fitting_place(nodule, anchor, lungs, lungs.places, 1.0, rng, turns=False)
        if misfit > LARGEST_MISFIT_HU or any(np.linalg.norm(place - other) < APART_MM for other in places):
            pool.append(pool.pop(0))
            continue
        at, reach = place / spacing, np.ceil(AROUND_MM / spacing).astype(int)
        first = np.maximum(0, np.rint(at).astype(int) - reach)
        stop = np.minimum(image.shape, np.rint(at).astype(int) + reach)
        part = tuple(slice(a, b) for a, b in zip(first, stop, strict=True))
        hu = torch.from_numpy(image[part].astype(np.float32))
        scene = Scene(hu, torch.zeros_like(hu), torch.ones_like(hu), np.diag(spacing))
        set_nodule(scene, nodule, anchor, at - first, mirror.T @ np.diag(spacing), rng)
        image[part] = scene.image.round().numpy().astype(np.int16)
        mask[part] |= (scene.target > outlined_from).numpy().astype(np.uint8)
        places.append(place)
        pool.pop(0)
    return len(places)


if __name__ == "__main__":
    main()
