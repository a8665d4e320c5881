"""What every part's tests share."""

import signal
from itertools import chain
from pathlib import Path

import pytest

TESTING = Path(__file__).resolve().parent
REPOSITORY = TESTING.parent
TABLES = ("worker: faults and outcomes", "bad input and its outcome")

# A shell that starts the tests in the background makes them deaf to Ctrl-C, and what they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items):
    """The page's tests take longest: where several processes share the tests, they are to be begun first."""
    items.sort(key=lambda item: item.path.parent != TESTING / "web")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """The tests of a folder stay with one process: they share what is made for them."""
    from xdist.scheduler import LoadScopeScheduling

    class ByFolder(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return nodeid.rsplit("/", 1)[0]

    return ByFolder(config, log)


def pytest_terminal_summary(terminalreporter):
    """The tables that tests add rows to, below the name that they recorded them by (`record_property`)."""
    tables: dict[str, list[tuple[str, ...]]] = {title: [] for title in TABLES}
    for report in chain.from_iterable(terminalreporter.stats.values()):
        for name, row in getattr(report, "user_properties", ()):
            if name in tables and report.when == "call":
                tables[name].append(row)
    for title, rows in tables.items():
        if rows:
            terminalreporter.section(title)
            widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)][:-1]
            for *cells, last in rows:
                padded = [cell.ljust(width) for cell, width in zip(cells, widths, strict=True)]
                terminalreporter.write_line("  ".join([*padded, last]))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real scans beside the checkout. It is not part of the project: without it, tests skip."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real scans (../shared/data) are not on this machine")
    return folder
