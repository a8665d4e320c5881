"""The test host, made once a file."""

import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def host():
    from host import Host

    sys.path[:0] = [str(REPOSITORY / "Testing" / part) for part in ("scene", "workstation")]
    sys.path[:0] = [str(REPOSITORY / "LungTumorSeg")]
    return Host()
