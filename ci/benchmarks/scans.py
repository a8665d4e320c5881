"""The command on real scans, beside the radiologists' outlines: `lungtumorseg segment`, run as a person runs it.

    ci/benchmark scans SCANS [--dicom FOLDER] [--only NAME]

SCANS: a folder with a folder a case, each with image.nii.gz and mask.nii.gz. Every case is segmented automatically
and by the prompted model from one click a lesion: the voxel deepest inside its outline (an easy click; random ones
stand on the model's card). A lesion is found where a component of the mask touches it; its Dice is against these
components.

Seconds: of the segmentation alone, and of the whole command from a cold start to the files and the picture. Peak: of
the larger process (host or worker), as the operating system counted it. The DICOM folder has no mask of its
own: it is compared with the case of the same name.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import distance_transform_edt

from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.measurement.measure import Lesion, measure
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.reading import read_mask

PROGRAM = Path(sys.executable).with_name("lungtumorseg")


@dataclass(frozen=True)
class Reference:
    """The radiologists' lesions of a case: their numbers on the CT's grid, their measures, a click in each (LPS mm)."""

    labels: np.ndarray
    lesions: list[Lesion]
    clicks: list[np.ndarray]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("scans", type=Path)
    arguments.add_argument("--dicom", type=Path, help="a DICOM folder named as one of the cases")
    arguments.add_argument("--only", help="this case alone")
    arguments.add_argument("--model", help="another automatic model")
    arguments.add_argument("--prompted", help="another prompted model")
    given = arguments.parse_args()
    cases = [(folder.name, folder / "image.nii.gz", folder) for folder in sorted(given.scans.iterdir())]
    cases = [case for case in cases if (case[2] / "mask.nii.gz").exists() and given.only in (None, case[0])]
    if given.dicom:
        cases.append((f"{given.dicom.name} (DICOM)", given.dicom, given.scans / given.dicom.name))
    print("| scan | model | outlined, mm | found, mm | Dice | false finds | segmentation, s | command, s | peak, MiB |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- | --- |")
    for name, image, folder in cases:
        truth = reference(read_mask(folder / "mask.nii.gz"))
        print_rows(name, image, truth, given.model, [])
        print_rows(name, image, truth, given.prompted, truth.clicks)


def reference(mask: Volume) -> Reference:
    labels = lesion_labels(mask.voxels > 0, mask.geometry)
    clicks = []
    for lesion in range(1, int(labels.max()) + 1):
        deepest = np.argmax(distance_transform_edt(labels == lesion, mask.geometry.spacing[::-1]))
        clicks.append(mask.geometry.ijk_to_lps(np.array(np.unravel_index(deepest, labels.shape))[::-1]))
    return Reference(labels, measure(labels, mask.geometry), clicks)


def print_rows(name: str, image: Path, truth: Reference, model: str | None, clicks: list[np.ndarray]) -> None:
    """Run the command once and print a row for each of the radiologists' lesions."""
    with tempfile.TemporaryDirectory() as folder:
        words = [str(PROGRAM), "segment", str(image), "-o", folder]
        words += [f"--point={','.join(f'{x:.2f}' for x in click)}" for click in clicks]
        words += ["--model", model] if model else []
        began = time.perf_counter()
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)  # the command's and, as it waited for it, its worker's
        seconds = time.perf_counter() - began
        assert status == 0, f"the command failed on {name}"
        run = json.loads((Path(folder) / "run.json").read_text())
        found = read_mask(Path(folder) / "lesions.nii.gz", most_foreground=None).voxels
        lesions = json.loads((Path(folder) / "lesions.json").read_text())["lesions"]
    touching = set(np.unique(found[truth.labels > 0])) - {0}
    false_finds = len(lesions) - len(touching)
    for n, lesion in enumerate(truth.lesions):
        true = truth.labels == lesion.id
        parts = sorted(set(np.unique(found[true])) - {0})
        sizes = " + ".join(
            f"{lesions[p - 1]['long_axis_mm']:.1f} x {lesions[p - 1]['short_axis_mm']:.1f}" for p in parts
        )
        mine = np.isin(found, parts)
        dice = f"{2 * (mine & true).sum() / (mine.sum() + true.sum()):.3f}" if parts else "missed"
        spent = run["seconds"]["segmentation"]
        facts = [str(false_finds), f"{spent:.2f}", f"{seconds:.1f}", f"{usage.ru_maxrss / 1024:.0f}"]
        cells = [name, run["model"], f"{lesion.long_axis_mm:.1f} x {lesion.short_axis_mm:.1f}", sizes or "-", dice]
        print("| " + " | ".join(cells + (facts if n == 0 else [""] * 4)) + " |", flush=True)


if __name__ == "__main__":
    main()
