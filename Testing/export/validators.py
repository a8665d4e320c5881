"""What others read in our DICOM files: dciodvfy (dicom3tools) and dcmqi, each in a process of its own."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk

SEGMENTS, REPORT = (Path(sys.executable).with_name(name) for name in ("segimage2itkimage", "tid1500reader"))
MISSING = [
    name
    for name, there in [("dciodvfy (dicom3tools)", shutil.which("dciodvfy")), ("dcmqi", SEGMENTS.exists())]
    if not there
]


def dciodvfy(file: Path) -> tuple[list[str], list[str]]:
    """Its errors and its warnings."""
    done = subprocess.run(["dciodvfy", "-new", str(file)], capture_output=True, text=True, check=False)
    lines = (done.stdout + done.stderr).splitlines()
    return [x for x in lines if x.startswith("Error")], [x for x in lines if x.startswith("Warning")]


def segments_by_dcmqi(file: Path, grid, folder: Path) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Mask on the grid (bool, k, j, i) by tracking identifier, and what dcmqi says of each segment.

    dcmqi's volumes hold the stored slices only, in an order of its own: each voxel is brought back by its position.
    """
    folder.mkdir(parents=True, exist_ok=True)
    run(SEGMENTS, "--inputDICOM", file, "--outputDirectory", folder, "-t", "nrrd", "-p", "seg")
    told = [segment[0] for segment in json.loads((folder / "seg-meta.json").read_text())["segmentAttributes"]]
    masks = {}
    for n, segment in enumerate(told, start=1):
        image = sitk.ReadImage(str(folder / f"seg-{n}.nrrd"))
        ijk = np.argwhere(sitk.GetArrayFromImage(image))[:, ::-1]
        axes = np.reshape(image.GetDirection(), (3, 3))
        lps = (ijk * image.GetSpacing()) @ axes.T + image.GetOrigin()
        place = grid.lps_to_ijk(lps)
        assert np.abs(place - np.rint(place)).max() < 0.01, "dcmqi's voxels lie between the CT's"
        mask = np.zeros(grid.shape, bool)
        mask[tuple(np.rint(place).astype(int).T[::-1])] = True
        assert mask.sum() == len(ijk)
        masks[segment["TrackingIdentifier"]] = mask
    return masks, told


def groups_by_dcmqi(file: Path, folder: Path) -> list[dict]:
    """The measurement groups."""
    folder.mkdir(parents=True, exist_ok=True)
    run(REPORT, "--inputDICOM", file, "--outputMetadata", folder / "report.json")
    return json.loads((folder / "report.json").read_text())["Measurements"]


def values_of(group: dict) -> dict[str, float]:
    """Name -> value in a group."""
    return {item["quantity"]["CodeMeaning"]: float(item["value"]) for item in group["measurementItems"]}


def run(program: Path, *words) -> None:
    done = subprocess.run([str(program), *map(str, words)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
