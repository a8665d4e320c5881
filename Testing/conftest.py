"""What every part's tests share."""

import signal
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[1]

# A shell that starts the tests in the background makes them deaf to Ctrl-C, and what they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans beside the checkout. It is not part of the project: without it, tests skip."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real scans (../shared/data) are not on this machine")
    return folder
