"""Which patients teach, which choose, which judge."""

from __future__ import annotations

import hashlib
from typing import Literal

Part = Literal["train", "validation", "test"]

ALWAYS_TEST = frozenset({"LIDC-IDRI-0001", "LIDC-IDRI-0003"})  # their whole scans are test cases
TRAIN, VALIDATION = range(67), range(70, 80)  # of a hundred; the rest is test
SPLIT = (
    "by patient: SHA-256 of '0:<patient>' modulo 100, "
    f"below {TRAIN.stop} train, {VALIDATION.start} to {VALIDATION.stop - 1} validation, else test"
)


def part_of(patient: str, seed: int = 0) -> Part:
    """67 % train, 10 % validation, 23 % test, by a hash of the patient alone: stable whatever else is in the data.

    Up to 69 was train once, and cards of that time say whom they were taught with (`taught.may_judge`); validation
    stayed where it was, so that whoever chose a model never judges one.
    """
    if patient in ALWAYS_TEST:
        return "test"
    number = int.from_bytes(hashlib.sha256(f"{seed}:{patient}".encode()).digest()[:8], "big") % 100
    if number in TRAIN:
        return "train"
    return "validation" if number in VALIDATION else "test"
