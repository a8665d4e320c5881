"""How fast the page in the browser is: a CT on screen, a slice scrolled, the threshold dragged; for how long the
process does not answer while it saves; what idling costs.

A real Chromium that draws in software, moved by a real mouse; the worker pretends, so that what is timed is the page. A
time begins with the mouse's event in the browser and ends with the frame in which the axial picture shows the new
slice, or the lesion's new outline: a picture that only became sharper does not count.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright

REPOSITORY = Path(__file__).resolve().parents[2]
sys.path += [str(REPOSITORY / "Testing" / "web"), str(REPOSITORY / "LungTumorSeg")]
SPACING = 0.7, 0.7, 2.5
RADII = 30, 20, 16, 14, 12, 11, 10, 9, 8, 8  # mm, of the lesions
# Sets window.shown: a promise of the time from the next mouse event of this kind to the frame with another picture.
# A picture is another one where 40 pixels around its middle differ by 50 grey levels in a channel: no sharpening does.
WATCH = """(kind) => {
  const picture = document.querySelector('[data-view=Axial] img');
  const side = 300, pen = Object.assign(document.createElement('canvas'), {width: side, height: side})
    .getContext('2d', {willReadFrequently: true});
  const look = () => {
    pen.drawImage(picture, (picture.naturalWidth - side) / 2, (picture.naturalHeight - side) / 2, side, side,
      0, 0, side, side);
    return pen.getImageData(0, 0, side, side).data;
  };
  const before = look();
  let begun = 0;
  window.addEventListener(kind, event => begun = event.timeStamp, {capture: true, once: true});
  window.shown = new Promise(resolve => {
    const compare = () => {
      const now = look();
      let different = 0;
      for (let n = 0; n < now.length && different < 40; n++) different += Math.abs(now[n] - before[n]) > 50;
      if (different < 40) return;
      picture.removeEventListener('load', compare);
      requestAnimationFrame(() => resolve(performance.now() - begun));
    };
    picture.addEventListener('load', compare);
    setTimeout(() => resolve(5000), 5000);
  });
}"""
CHANGED = "() => window.shown"


class Page:
    """The page, its process and its browser. Times in s of wall clock, ms where a name says so."""

    def __init__(self, page, served):
        self.page, self.served = page, served

    def one(self, kind: str, act, pause: float) -> float:
        """ms from the mouse's event to the new picture; pause in ms afterwards."""
        self.page.evaluate(WATCH, kind)
        act()
        milliseconds = self.page.evaluate(CHANGED)
        self.page.wait_for_timeout(pause)
        return milliseconds

    def series(self, what: str, kind: str, acts: list, pause: float) -> None:
        """One act after the other, and what they cost."""
        before = self.cpu()
        times = [self.one(kind, act, pause) for act in acts]
        process, browser = (
            (after - first) * 1000 / len(times) for first, after in zip(before, self.cpu(), strict=True)
        )
        print(
            f"{what}: median {np.median(times):.0f} ms, p95 {np.percentile(times, 95):.0f} ms, of {len(times)}; "
            f"of CPU {process:.0f} ms in the process and {browser:.0f} ms in the browser each"
        )

    def cpu(self) -> tuple[float, float]:
        """CPU seconds so far of the process and its worker, and of the browser."""
        own = tree(self.served.process.pid)
        return sum(map(cpu_of, own)), sum(cpu_of(each) for each in tree(os.getpid()) if each not in own)

    def silence(self, over) -> float:
        """The longest that the process did not answer until `over()` is true, s. It is asked all the time."""
        longest = 0.0
        while not over():
            begun = time.monotonic()
            self.served.ask("cpu")
            longest = max(longest, time.monotonic() - begun)
        return longest

    def idle(self, seconds: float) -> None:
        before = self.cpu()
        self.page.wait_for_timeout(1000 * seconds)
        process, browser = (after - first for first, after in zip(before, self.cpu(), strict=True))
        print(
            f"{seconds:.0f} s of idling: {process:.2f} s of CPU in the process and its worker, "
            f"{browser:.2f} s in the browser"
        )


def main(shape: tuple[int, int, int], repeat: int) -> None:
    from app_process import Served
    from browsing import open_ct, said

    os.environ["PRETENDING_BALLS"] = json.dumps(lesions(shape))
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        folder = Path(folder)
        ct = made_ct(folder, shape)
        served = Served(folder)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1920, "height": 1080}, accept_downloads=True)
        page.set_default_timeout(300_000)
        page.goto(served.address)
        page.click(".v-tab:has-text('Segment')")
        it = Page(page, served)
        page.wait_for_timeout(2000)
        it.idle(20)

        begun = time.monotonic()
        open_ct(page, ct)
        page.wait_for_function(LUNG_SHOWN)
        print(
            f"CT of {' x '.join(map(str, shape[::-1]))} on screen after {time.monotonic() - begun:.1f} s, "
            "upload included"
        )
        page.wait_for_timeout(2000)
        axial = page.locator("[data-view=Axial] img").bounding_box()
        page.mouse.move(axial["x"] + axial["width"] / 2, axial["y"] + axial["height"] / 2)
        # 400 ms let the sharper picture of the resting view pass.
        it.series("scrolling by a slice", "wheel", [lambda: page.mouse.wheel(0, 100)] * repeat, 400)

        page.click("#segment")
        said(page, "lesions found")
        page.wait_for_timeout(3000)
        slider = page.locator(".v-slider:has(#threshold) .v-slider-track").bounding_box()
        places = [*np.linspace(0.3, 0.6, 6), *np.linspace(0.54, 0.36, 4)]  # there and back, no place twice in a row

        def drag(share: float) -> None:
            page.mouse.move(slider["x"] + share * slider["width"], slider["y"] + slider["height"] / 2)

        drag(places[1])
        page.mouse.down()
        page.wait_for_timeout(1000)
        shares = [places[(n + 2) % len(places)] for n in range(repeat)]
        it.series("threshold dragged by 0.06", "mousemove", [lambda share=share: drag(share) for share in shares], 60)
        page.mouse.up()

        begun = time.monotonic()
        silence = it.silence(lambda: served.ask("kept"))
        print(
            f"session saved {time.monotonic() - begun:.1f} s after the drag; "
            f"longest without an answer {1000 * silence:.0f} ms"
        )
        page.wait_for_timeout(3000)
        it.idle(20)
        page.click(".v-tab:has-text('Export')")
        page.wait_for_timeout(1000)
        came = []
        page.on("download", lambda download: came.append(download.url))
        begun = time.monotonic()
        page.click("#export-scene")
        silence = it.silence(lambda: page.wait_for_timeout(1) or came)
        print(
            f"scene (.mrb) saved in {time.monotonic() - begun:.1f} s; longest without an answer {1000 * silence:.0f} ms"
        )
        browser.close()
        served.close()


# The axial picture is no longer black.
LUNG_SHOWN = """() => {
  const picture = document.querySelector('[data-view=Axial] img');
  if (!picture?.naturalWidth) return false;
  const pen = Object.assign(document.createElement('canvas'), {width: 100, height: 100}).getContext('2d');
  pen.drawImage(picture, 0, 0, 100, 100);
  const values = pen.getImageData(20, 20, 60, 60).data.filter((_, n) => n % 4 === 1);
  return Math.max(...values) > 60;
}"""


def lesions(shape: tuple[int, int, int]) -> list:
    """Balls k, j, i, radius mm, probability: the largest in the middle, the others in rings around it."""
    middle, found = np.array(shape) / 2, []
    for n, radius in enumerate(RADII):
        angle, out = 2.4 * n, 0 if n == 0 else 0.25 + 0.1 * (n % 2)
        place = middle * (1 + out * np.array([0.9 * np.cos(1.7 * n), 2 * np.sin(angle), 2 * np.cos(angle)]))
        found.append([*(int(x) for x in place), float(radius), 1.0])
    return found


def made_ct(folder: Path, shape: tuple[int, int, int]) -> Path:
    """Noise like a lung's, in its middle a bright bar that stands upright in even slices and lies in odd ones."""
    from LungTumorSegLib.volume.geometry import Geometry, Volume
    from LungTumorSegLib.volume.writing import write_volume

    rng = np.random.default_rng(0)
    voxels = rng.normal(-800, 40, shape).clip(-1000).astype(np.int16)
    j, i = shape[1] // 2, shape[2] // 2
    voxels[::2, j - 20 : j + 20, i - 3 : i + 3] = 60
    voxels[1::2, j - 3 : j + 3, i - 20 : i + 20] = 60
    path = folder / "chest.nrrd"
    write_volume(path, Volume(voxels, Geometry(shape, SPACING, (-180.0, -180.0, 0.0))))
    return path


def tree(root: int) -> list[int]:
    """A process and all that it started, by the kernel's files (Linux)."""
    found = [root]
    for process in found:
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def cpu_of(process: int) -> float:
    """Seconds; 0 of one that is gone."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", type=int, nargs=3, default=(130, 512, 512), help="slices, rows, columns")
    parser.add_argument("--repeat", type=int, default=40)
    arguments = parser.parse_args()
    main(tuple(arguments.shape), arguments.repeat)
