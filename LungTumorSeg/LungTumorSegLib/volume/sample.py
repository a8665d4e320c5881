"""``python -m LungTumorSegLib.volume.sample FOLDER``: the sample CT as files, by numpy, scipy and SimpleITK alone."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.phantom import TUMOURS, make_phantom
from LungTumorSegLib.volume.whole_file import write_whole
from LungTumorSegLib.volume.writing import make_folder, write_volume

# The same patient some weeks later: the first tumour shrank, the second grew, the third is as it was.
LATER_MM = (15.0, 17.0, 35.0)
LATER = tuple({**tumour, "diameter_mm": mm} for tumour, mm in zip(TUMOURS, LATER_MM, strict=True))


FACTS = "tumours.json"  # comes last: where it is, the others are whole
FILES = ("ct.nii.gz", "truth.nii.gz", FACTS)


def write_sample(folder: Path, seed: int = 0, later: bool = False) -> Path:
    """Write ct.nii.gz, truth.nii.gz (labels 1 to 3) and tumours.json into the folder; returns the CT's path.

    later : the same patient at a later date, with other noise. InputRefused, one line, where the folder cannot be made
    or written to, or the disk is full.
    """
    make_folder(folder)
    ct, truth, tumours = make_phantom(seed=seed, tumours=LATER if later else TUMOURS)
    write_volume(folder / "ct.nii.gz", ct)
    write_volume(folder / "truth.nii.gz", truth)
    try:
        write_whole(folder / FACTS, (json.dumps(tumours, indent=2) + "\n").encode())
    except OSError as error:
        raise InputRefused(f"cannot write to {folder}: {error.strerror}; choose another folder") from None
    return folder / "ct.nii.gz"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="sample")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--later", action="store_true")
    chosen = parser.parse_args()
    try:
        write_sample(chosen.folder, later=chosen.later)
    except InputRefused as refusal:
        sys.exit(str(refusal))
