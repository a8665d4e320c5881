"""How fast the page in the browser is: a CT on screen, a slice scrolled, the threshold dragged, and what idling costs.

A real Chromium, drawing in software; the worker pretends (Testing/workstation/pretending_worker.py), so that what is
timed is the page. A time ends when the picture of the axial view in the browser is another one.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path += [str(REPOSITORY / "Testing" / "web"), str(REPOSITORY / "LungTumorSeg")]
NEXT_PICTURE = """(act) => new Promise((resolve, reject) => {
  const picture = document.querySelector('.layout-grid-item:has(.lts-axial) img'), before = picture.src;
  const begun = performance.now();
  const look = () => {
    if (picture.src !== before) resolve(performance.now() - begun);
    else if (performance.now() - begun > 5000) resolve(5000);
    else requestAnimationFrame(look);
  };
  if (act === 'scroll') {
    const r = picture.getBoundingClientRect();
    picture.dispatchEvent(new WheelEvent('wheel', {deltaY: 100, bubbles: true, cancelable: true,
      clientX: r.x + r.width / 2, clientY: r.y + r.height / 2}));
  } else {
    const thumb = document.querySelector('.v-slider:has(#threshold) [role=slider]');
    thumb.dispatchEvent(new KeyboardEvent('keydown', {key: act, bubbles: true}));
  }
  look();
})"""


def main(shape: tuple[int, int, int], repeat: int) -> None:
    from app_process import Served
    from browsing import open_ct, said

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        ct = made_ct(Path(folder), shape)
        served = Served(Path(folder))
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1920, "height": 1080})
        page.set_default_timeout(120_000)
        page.goto(served.address)
        page.click(".v-tab:has-text('Segment')")
        begun = time.monotonic()
        open_ct(page, ct)
        page.wait_for_timeout(50)
        size = " x ".join(map(str, shape[::-1]))
        print(f"CT of {size} on screen after {time.monotonic() - begun:.1f} s, upload included")
        page.wait_for_timeout(3000)
        show("scrolling by a slice", [one(page, "scroll") for _ in range(repeat)])
        page.click("#segment")
        said(page, "2 lesions found")
        page.wait_for_timeout(3000)
        page.focus(".v-slider:has(#threshold) [role=slider]")
        keys = ["ArrowRight"] * 20 + ["ArrowLeft"] * 20
        show("threshold by a step", [one(page, keys[n % len(keys)], pause=60) for n in range(repeat)])
        page.wait_for_timeout(12_000)  # the session is saved
        first = served.ask("cpu")
        page.wait_for_timeout(20_000)
        last = served.ask("cpu")
        print(f"idle: {100 * (last[0] - first[0]) / (last[1] - first[1]):.2f} % of a core")
        browser.close()
        served.close()


def one(page, act: str, pause: float = 400) -> float:
    """pause : ms afterwards; 400 lets the sharper picture of the resting view pass, which comes after 170."""
    milliseconds = page.evaluate(NEXT_PICTURE, act)
    page.wait_for_timeout(pause)
    return milliseconds


def show(what: str, times: list[float]) -> None:
    print(f"{what}: median {np.median(times):.0f} ms, p95 {np.percentile(times, 95):.0f} ms, of {len(times)}")


def made_ct(folder: Path, shape: tuple[int, int, int]) -> Path:
    from LungTumorSegLib.volume.geometry import Geometry, Volume
    from LungTumorSegLib.volume.writing import write_volume

    rng = np.random.default_rng(0)
    voxels = rng.normal(-800, 40, shape).clip(-1000).astype(np.int16)
    path = folder / "chest.nrrd"
    write_volume(path, Volume(voxels, Geometry(shape, (0.7, 0.7, 2.5), (-180.0, -180.0, 0.0))))
    return path


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(130, 512, 512), help="slices, rows, columns")
    parser.add_argument("--repeat", type=int, default=40)
    arguments = parser.parse_args()
    main(tuple(arguments.shape), arguments.repeat)
