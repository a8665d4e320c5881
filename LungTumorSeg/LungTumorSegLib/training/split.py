"""Which patients teach, which choose, which judge."""

from __future__ import annotations

import hashlib
from typing import Literal

Part = Literal["train", "validation", "test"]

ALWAYS_TEST = frozenset({"LIDC-IDRI-0001", "LIDC-IDRI-0003"})  # their whole scans are test cases


def part_of(patient: str, seed: int = 0) -> Part:
    """70 % train, 10 % validation, 20 % test, by a hash of the patient alone: stable whatever else is in the data."""
    if patient in ALWAYS_TEST:
        return "test"
    number = int.from_bytes(hashlib.sha256(f"{seed}:{patient}".encode()).digest()[:8], "big") % 100
    if number < 70:
        return "train"
    return "validation" if number < 80 else "test"
