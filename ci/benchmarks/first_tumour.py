"""From a fresh clone to the first tumour on the screen: `ci/setup`, then what `ci/run` opens, in a browser.

The clone is of the last commit, in a temporary folder. With and without what pip has kept from before; Debian's
libraries are there already. A real Chromium presses Segment and sees the mask's colour in the axial view.
``.venv/bin/python ci/benchmarks/first_tumour.py [--cold]``
"""

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]


def main(cold: bool) -> None:
    with tempfile.TemporaryDirectory() as own:
        clone, begun = Path(own) / "clone", time.monotonic()
        environment = os.environ | {"XDG_DATA_HOME": f"{own}/data", "LUNGTUMORSEG_MODELS": f"{own}/data/models"}
        environment.pop("PYTHONPATH", None)
        if cold:
            environment["PIP_CACHE_DIR"] = f"{own}/pip"
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True)
        told("cloned", begun)
        subprocess.run([clone / "ci/setup"], check=True, env=environment, stdout=subprocess.DEVNULL)
        told("set up", begun)
        program = clone / ".venv/bin/lungtumorseg"
        subprocess.run(
            [program, "phantom", clone / "out/sample"], check=True, env=environment, stdout=subprocess.DEVNULL
        )
        app = subprocess.Popen(
            [program, "app", clone / "out/sample/ct.nii.gz", "--no-browser"], env=environment, text=True,
            stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            address = app.stdout.readline().split()[-1]
            told("serving", begun)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
                see_tumour(browser.new_page(viewport={"width": 1440, "height": 810}), address, begun)
                browser.close()
        finally:
            app.terminate()
            app.wait(30)


def see_tumour(page, address: str, begun: float) -> None:
    page.set_default_timeout(300_000)
    page.goto(address)
    page.wait_for_function("() => document.querySelector('#lts-said')?.innerText.includes('Press Segment')")
    told("CT on screen", begun)
    page.click("#segment")
    page.wait_for_function("() => document.querySelector('#lts-said').innerText.includes(' found in ')")
    while coloured(page) < 50:
        page.wait_for_timeout(100)
    told("the first tumour on screen", begun)


def coloured(page) -> int:
    """Pixels of the axial view that are no grey."""
    box = page.locator(".layout-grid-item:has(.lts-axial)").first.bounding_box()
    inner = {"x": box["x"] + 40, "y": box["y"] + 60, "width": box["width"] - 90, "height": box["height"] - 90}
    picture = np.array(Image.open(BytesIO(page.screenshot(clip=inner))).convert("RGB")).astype(int)
    return int((picture.max(axis=-1) - picture.min(axis=-1) > 60).sum())


def told(what: str, begun: float) -> None:
    print(f"{what} after {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cold", action="store_true", help="without pip's cache: everything is downloaded")
    main(parser.parse_args().cold)
