"""The page in a real Chromium, served by a process of its own whose scene the tests can ask about."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
from app_process import Served
from browsing import come_in, hush, open_ct, segment, told

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
PAGES = ("page", "long_page")
BROWSERS = ("chromium", "chromium-browser", "google-chrome")

if importlib.util.find_spec("trame_slicer") is None or importlib.util.find_spec("playwright") is None:
    collect_ignore_glob = ["test_*.py"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test that failed shows what its page and the app's process said last."""
    report = yield
    if report.when == "call" and report.failed:
        page = next((found for name in PAGES if (found := item.funcargs.get(name))), None)
        if page is not None and not page.is_closed():
            report.sections.append(("what the page shows", told(page)))
        if (served := item.funcargs.get("served")) is not None:
            report.sections.append(("what the app complained of", served.stderr.read_text()[-3000:]))
    return report


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("work"))
    yield served
    served.close()


@pytest.fixture(scope="session")
def chromium():
    from playwright.sync_api import sync_playwright

    program = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def context(chromium):
    """One for all, whose cache keeps what a page is made of."""
    context = chromium.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True)
    yield context
    context.close()


@pytest.fixture
def page(context, served):
    """A page that has come in, with nothing open; `page.outside` are requests that left the machine, `page.wrong` what
    the console complained of."""
    page = come_in(context, served)
    yield page
    page.close()


@pytest.fixture(scope="module")
def long_page(context, served):
    """A page that serves a module's tests, one after the other. Not to be mixed with `page`: only one is served."""
    page = come_in(context, served)
    yield page
    page.close()


@pytest.fixture(scope="session")
def ct_file(tmp_path_factory) -> Path:
    """A small CT, oblique to no axis: 30 x 80 x 96 voxels: air, a wall, lung in it."""
    from LungTumorSegLib.volume.geometry import Geometry, Volume
    from LungTumorSegLib.volume.writing import write_volume

    shape = (30, 80, 96)
    _k, j, i = np.indices(shape)
    apart = ((j - 40) / 38) ** 2 + ((i - 48) / 46) ** 2
    voxels = np.select([apart < 0.8, apart < 1], [-850, 40], -1000).astype(np.int16)
    voxels += np.random.default_rng(0).integers(-20, 20, shape).astype(np.int16)
    path = tmp_path_factory.mktemp("ct") / "chest.nii.gz"
    write_volume(path, Volume(voxels, Geometry(shape, (0.7, 0.7, 1.25), (-30.0, -25.0, 100.0))))
    return path


@pytest.fixture
def opened(page, served, ct_file):
    """The page with the CT just opened, through the file chooser."""
    hush(page, served)  # "Press Segment" may still be there for the last page's CT, and Segment would be for that one
    return open_ct(page, ct_file)


@pytest.fixture
def segmented(opened):
    """The page after Segment: two balls are found."""
    return segment(opened)
