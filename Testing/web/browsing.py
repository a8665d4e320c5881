"""What the tests do in the page and see of it."""

from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image


def open_ct(page, file: Path):
    page.click("button:has-text('Open')")
    with page.expect_file_chooser() as chooser:
        page.click("text=CT file…")
    chooser.value.set_files(str(file))
    said(page, "Press Segment")
    return page


def said(page, words: str) -> None:
    """Wait until the status line says this."""
    page.wait_for_function("words => document.querySelector('#lts-said').innerText.includes(words)", arg=words)


def view_box(page, name: str) -> dict:
    """Where a view lies in the window."""
    return page.locator(
        f".layout-grid-item:has(.lts-{name.lower()}) .rca, .layout-grid-item:has(.lts-{name.lower()})"
    ).first.bounding_box()


def at(page, served, view: str, lps) -> tuple[float, float]:
    """Where a point of the patient lies in the window."""
    box = view_box(page, view)
    across, down = served.ask("pixel", view, list(lps))
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def until(ask, good, page, seconds: float = 60.0):
    """Ask until the answer is good; gives it back."""
    for _ in range(int(seconds / 0.1)):
        answer = ask()
        if good(answer):
            return answer
        page.wait_for_timeout(100)
    raise AssertionError(f"still {answer} after {seconds} s")


def grey_levels(page, view: str) -> int:
    return len(np.unique(pixels(page, view).mean(axis=-1).astype(int)))


def coloured_pixels(page, view: str) -> int:
    """Those that are no grey."""
    picture = pixels(page, view).astype(int)
    return int((picture.max(axis=-1) - picture.min(axis=-1) > 60).sum())


def pixels(page, view: str) -> np.ndarray:
    box = view_box(page, view)
    inner = {"x": box["x"] + 40, "y": box["y"] + 60, "width": box["width"] - 90, "height": box["height"] - 90}
    return np.array(Image.open(BytesIO(page.screenshot(clip=inner))).convert("RGB"))
