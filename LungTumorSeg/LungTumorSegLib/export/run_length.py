"""Run-length encoding as in the SIIM-ACR pneumothorax challenge (2019): one line a slice, ImageId and EncodedPixels.

The code itself stands in `volume.run_length`. All tumours of a slice make one mask.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from pydicom import dcmread

from LungTumorSegLib.export.findings import Findings
from LungTumorSegLib.volume.run_length import decode, encode

HEADING = ("ImageId", "EncodedPixels")


def write_run_length(folder: Path, findings: Findings) -> None:
    """`rle.csv`: a line for every slice, by the slice's SOP Instance UID; where slices have none of their
    own, by its number from 0 (array's first axis).

    A flat picture's line is by the name of its file without the ending, as the challenge has it.
    """
    names = slice_names(findings)
    with (folder / "rle.csv").open("w", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(HEADING)
        lines.writerows((name, encode(layer)) for name, layer in zip(names, findings.labels, strict=True))


def read_run_length(file: Path, shape: tuple[int, int, int], names: list[str]) -> np.ndarray:
    """The mask, bool (k, j, i), of an `rle.csv`. `names`: the ImageId of each slice, in order."""
    with file.open(newline="") as lines:
        codes = {line["ImageId"]: line["EncodedPixels"] for line in csv.DictReader(lines)}
    return np.stack([decode(codes[name], shape[1:]) for name in names])


def slice_names(findings: Findings) -> list[str]:
    if findings.flat:
        return [Path(findings.ct.source).stem]
    series = findings.ct.series
    if series and len(series.files) == len(findings.labels):
        names = [str(dcmread(f, specific_tags=["SOPInstanceUID"]).get("SOPInstanceUID", "")) for f in series.files]
        if len(set(names) - {""}) == len(names):  # some anonymisers give all slices the same
            return names
    return [str(k) for k in range(len(findings.labels))]
