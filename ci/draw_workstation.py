"""The workstation in the browser, driven by a real Chromium on the sample CT: Resources/Screenshots/workstation*.png.

Everything is real: the app as `lungtumorseg app` starts it, the bundled models, the page. Run after `ci/setup`:
``.venv/bin/python ci/draw_workstation.py CT [--to FOLDER] [--size 1920x1080]``
"""

import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).resolve().parents[1]
SEGMENTED = "() => document.querySelector('#lts-said').innerText.includes(' found in ')"
FREE = "() => document.querySelector('#segment').innerText === 'Segment'"


def main(ct: Path, folder: Path, width: int, height: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as own:
        app = subprocess.Popen(
            [REPOSITORY / ".venv/bin/lungtumorseg", "app", ct, "--no-browser"],
            env=os.environ | {"LUNGTUMORSEG_MODELS": f"{own}/models"}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        try:
            address = app.stdout.readline().split()[-1]
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
                page = browser.new_page(viewport={"width": width, "height": height})
                page.set_default_timeout(300_000)
                draw(page, address, folder)
                browser.close()
        finally:
            app.terminate()
            app.wait(30)


def draw(page, address: str, folder: Path) -> None:
    page.goto(address)
    page.wait_for_function("() => document.querySelector('#lts-said')?.innerText.startsWith('Press')")
    page.click("#segment")
    page.wait_for_function(SEGMENTED)
    page.wait_for_timeout(3000)
    shot(page, folder / "workstation.png")
    page.click("#show-heat")
    page.wait_for_timeout(1000)
    page.wait_for_function(FREE)
    page.click(".v-tab:has-text('Measure')")
    page.click("#lesions tbody tr:nth-child(2)")
    page.keyboard.press("2")
    page.wait_for_timeout(3000)
    shot(page, folder / "workstation_measure.png")


def shot(page, path: Path) -> None:
    page.mouse.move(5, 5)
    page.wait_for_timeout(500)
    page.screenshot(path=path)
    print(path)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("ct", type=Path)
    parser.add_argument("--to", type=Path, default=REPOSITORY / "Resources" / "Screenshots")
    parser.add_argument("--size", default="1440x810", help="of the window")
    arguments = parser.parse_args()
    main(arguments.ct, arguments.to, *(int(n) for n in arguments.size.split("x")))
