"""Run-length encoding as in the SIIM-ACR pneumothorax challenge (2019): one line a slice, ImageId and EncodedPixels.

The pixels of a slice are numbered from 0 down its columns, one column after the other (row fastest). The code lists
pairs of numbers: how many pixels to skip since the end of the run before (since pixel 0, for the first), and how many
pixels the run holds. A slice without tumour has the code -1. All tumours of a slice make one mask.
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from pydicom import dcmread

from LungTumorSegLib.export.findings import Findings

EMPTY = "-1"
HEADING = ("ImageId", "EncodedPixels")


def encode(mask: np.ndarray) -> str:
    """A slice's mask (rows, columns), not zero = tumour, as code."""
    edges = np.flatnonzero(np.diff(mask.T.ravel() != 0, prepend=False, append=False))
    if not len(edges):
        return EMPTY
    return " ".join(map(str, np.diff(edges, prepend=0)))


def decode(code: str, shape: tuple[int, int]) -> np.ndarray:
    """The mask, bool (rows, columns), of a code. ValueError where it does not fit the shape."""
    rows, columns = shape
    mask = np.zeros(columns * rows, bool)
    if code.strip() != EMPTY:
        lengths = np.array(code.split(), np.int64)
        if len(lengths) % 2 or (lengths < 0).any() or lengths.sum() > mask.size:
            raise ValueError(f"the code does not fit a slice of {rows} x {columns} pixels")
        edges = np.cumsum(lengths)
        for start, stop in edges.reshape(-1, 2):
            mask[start:stop] = True
    return mask.reshape(columns, rows).T


def write_run_length(folder: Path, findings: Findings) -> None:
    """`rle.csv`: a line for every slice, by the slice's SOP Instance UID, or its number from 0 (array's first axis)."""
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
    series = findings.ct.series
    if series and len(series.files) == len(findings.labels):
        return [str(dcmread(f, specific_tags=["SOPInstanceUID"]).SOPInstanceUID) for f in series.files]
    return [str(k) for k in range(len(findings.labels))]
