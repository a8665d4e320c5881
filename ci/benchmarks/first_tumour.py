"""From a fresh clone to the first tumour on the screen: `ci/run` as a user types it, and a real Chromium that presses
Segment and sees the mask's colour in the axial view.

The clone is of the last commit, in a temporary folder, and so are the user's data and models. With and without what pip
has kept from before; Debian's libraries are there already. ``.venv/bin/python ci/benchmarks/first_tumour.py [--cold]``
"""

import argparse
import contextlib
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path.append(str(REPOSITORY / "Testing" / "web"))
ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+/\?token=[\w-]+")
PATIENCE = 1800.0  # s for the set-up, then for each step in the page
SEEN = 50  # pixels of the mask's colour


def main(cold: bool) -> None:
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise SystemExit("no Chromium on this machine (Debian: apt-get install chromium)")
    with tempfile.TemporaryDirectory() as own:
        clone, begun = Path(own) / "clone", time.monotonic()
        environment = os.environ | {"XDG_DATA_HOME": f"{own}/data", "LUNGTUMORSEG_MODELS": f"{own}/data/models"}
        for name in ("PYTHONPATH", "CI", "DISPLAY", "WAYLAND_DISPLAY"):
            environment.pop(name, None)
        if cold:
            environment["PIP_CACHE_DIR"] = f"{own}/pip"
        subprocess.run(["git", "clone", "--quiet", REPOSITORY, clone], check=True)
        told("cloned", begun)
        ours, users = pty.openpty()  # with a terminal `ci/run` opens the app
        app = subprocess.Popen(
            [clone / "ci/run"], env=environment, stdin=users, stdout=users, stderr=users, start_new_session=True
        )
        os.close(users)
        terminal = Terminal(ours)
        terminal.start()
        try:
            address = printed_address(terminal, clone, begun)
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                see_tumour(browser.new_page(viewport={"width": 1440, "height": 810}), address, begun)
                browser.close()
        finally:
            os.killpg(app.pid, signal.SIGTERM)
            app.wait(60)
            os.close(ours)


class Terminal(threading.Thread):
    """Reads all that is printed; a full one would hold the program up."""

    def __init__(self, handle: int):
        super().__init__(daemon=True)
        self._handle, self.text = handle, ""

    def run(self) -> None:
        with contextlib.suppress(OSError):  # it was closed, or the program has ended
            while data := os.read(self._handle, 4096):
                self.text += data.decode(errors="replace")


def printed_address(terminal: Terminal, clone: Path, begun: float) -> str:
    set_up = False
    while not ADDRESS.search(terminal.text):
        if not set_up and (clone / ".venv/wanted").exists():
            set_up = True
            told("set up", begun)
        if not terminal.is_alive() or time.monotonic() - begun > PATIENCE:
            raise SystemExit(f"ci/run printed no address:\n{terminal.text}")
        time.sleep(0.1)
    told("serving", begun)
    return ADDRESS.search(terminal.text)[0]


def see_tumour(page, address: str, begun: float) -> None:
    from browsing import coloured_pixels, grey_levels

    page.set_default_timeout(1000 * PATIENCE)
    page.goto(address)
    page.wait_for_function("() => document.querySelector('#lts-said')?.innerText.includes('Press Segment')")
    while grey_levels(page, "axial") < 8:
        page.wait_for_timeout(100)
    told("CT on screen", begun)
    if coloured_pixels(page, "axial") >= SEEN:
        raise SystemExit("the view is coloured before anything was segmented: nothing would be shown by its colour")
    page.click("#segment")
    page.wait_for_function("() => document.querySelector('#lts-said').innerText.includes(' found in ')")
    words = page.inner_text("#lts-said")
    while coloured_pixels(page, "axial") < SEEN:
        page.wait_for_timeout(100)
    told("the first tumour on screen", begun)
    print(words)


def told(what: str, begun: float) -> None:
    print(f"{what} after {time.monotonic() - begun:.1f} s", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cold", action="store_true", help="without pip's cache: everything is downloaded")
    main(parser.parse_args().cold)
