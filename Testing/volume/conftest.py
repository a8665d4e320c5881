"""A small chest with known voxels, and the table of outcomes that closes the run."""

import numpy as np
import pytest


@pytest.fixture
def outcome_row(record_property):
    """`outcome_row(input, outcome, message)`: a line of the table at the end of the run."""
    return lambda *row: record_property("bad input and its outcome", row)


@pytest.fixture(scope="session")
def chest() -> np.ndarray:
    """int16 (24, 28, 32): air around soft tissue around lung, with noise; lowest -1024 HU, highest about 70."""
    noise = np.random.default_rng(0).normal(0, 15, (24, 28, 32))
    voxels = np.full((24, 28, 32), -1000.0)
    voxels[:, 4:24, 4:28] = 40
    voxels[4:20, 8:20, 8:14] = voxels[4:20, 8:20, 18:24] = -850
    return np.rint(np.clip(voxels + noise, -1024, None)).astype(np.int16)


@pytest.fixture(scope="session")
def tumour() -> np.ndarray:
    voxels = np.zeros((24, 28, 32), np.uint8)
    voxels[9:13, 10:14, 9:12] = 1
    return voxels
