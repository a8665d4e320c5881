"""The sample patient at three dates, and the response: Resources/Screenshots/response.png (with response_pairs.png).

Synthetic: the phantom with tumours of other sizes, the patient lying otherwise at each date. The outlines are the
phantom's own, so the pictures show the matching and the rules, and say nothing about any model.
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from LungTumorSegLib.measurement.measure import measure
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.phantom import TUMOURS, make_phantom
from LungTumorSegLib.volume.writing import write_volume

ROOT = Path(__file__).resolve().parents[1]
NEW = {"name": "round", "centre": (-62.0, 30.0, 95.0), "diameter_mm": 0.0}
# Date, diameters of the three tumours and of a new one, where the scanner's corner lies against the first date.
DATES = (
    ("2026-01-05", (22.0, 12.0, 35.0, 0.0), (0.0, 0.0, 0.0)),
    ("2026-03-02", (15.0, 9.0, 24.0, 0.0), (11.0, -7.0, 18.0)),
    ("2026-04-27", (12.0, 0.0, 20.0, 0.0), (-6.0, 9.0, -14.0)),
    ("2026-06-22", (14.0, 0.0, 27.0, 9.0), (4.0, 3.0, 25.0)),
)


def main(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    studies = [study(folder / day, day, sizes, shift) for day, sizes, shift in DATES]
    program = Path(sys.executable).with_name("lungtumorseg")
    output = folder / "response"
    subprocess.run([program, "response", *studies, "-o", output], check=True)
    shots = ROOT / "Resources" / "Screenshots"
    shutil.copy(output / "sums.png", shots / "response.png")
    shutil.copy(output / "pairs.png", shots / "response_pairs.png")
    print(shots / "response.png")


def study(folder: Path, day: str, sizes: tuple, shift: tuple) -> Path:
    """A result folder as `segment` writes it."""
    tumours = [tumour | {"diameter_mm": mm} for tumour, mm in zip((*TUMOURS, NEW), sizes, strict=True)]
    ct, truth, _ = make_phantom(tumours=tumours)
    grid = ct.geometry
    grid = Geometry(grid.shape, grid.spacing, tuple(np.add(grid.origin, shift)), grid.direction)
    folder.mkdir(parents=True)
    image = folder.with_suffix(".nii.gz")
    write_volume(image, Volume(ct.voxels, grid))
    labels = truth.voxels.astype(np.uint16)
    write_volume(folder / "lesions.nii.gz", Volume(labels, grid))
    lesions = [lesion.as_dict() for lesion in measure(labels, grid)]
    (folder / "lesions.json").write_text(json.dumps({"lesions": lesions}))
    run = {"model": "the phantom's own outlines", "lungtumorseg": "", "image_path": str(image), "study_date": day}
    (folder / "run.json").write_text(json.dumps(run))
    return folder


if __name__ == "__main__":
    main(ROOT / "out" / "pictures" / "response")
