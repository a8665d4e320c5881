"""Run-length code of a slice's mask, as in the SIIM-ACR pneumothorax challenge (2019).

The pixels of a slice are numbered from 0 down its columns, one column after the other (row fastest). The code lists
pairs of numbers: how many pixels to skip since the end of the run before (since pixel 0, for the first), and how many
pixels the run holds. A slice without tumour has the code -1.
"""

from __future__ import annotations

import numpy as np

EMPTY = "-1"


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
