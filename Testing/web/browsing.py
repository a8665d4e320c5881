"""What the tests do in the page and see of it."""

from contextlib import contextmanager
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

# What may tell why something that was pressed did nothing.
STATE = """() => ({
  heard: window.heard, pressed: window.pressed, said: document.querySelector('#lts-said')?.innerText,
  button: document.querySelector("#segment")?.outerHTML.slice(0, 400),
  focus: document.activeElement?.outerHTML.slice(0, 200),
  open: [...document.querySelectorAll('.v-overlay--active, .lts-veil')].map(one => one.innerText),
})"""


def come_in(context, served):
    """A new page at the Segment tab with all four views, no tool in the hand."""
    page = context.new_page()
    try:
        _come_in(page, served)
    except Exception:
        page.close()  # only one is served
        raise
    return page


def _come_in(page, served) -> None:
    page.set_default_timeout(90_000)
    page.outside, page.wrong = [], []
    ours = (served.origin, served.origin.replace("http", "ws"), "data:", "blob:")
    for what in ("request", "websocket"):
        page.on(what, lambda asked: None if asked.url.startswith(ours) else page.outside.append(asked.url))
    page.on("pageerror", lambda error: page.wrong.append(str(error)))
    page.on("console", lambda m: page.wrong.append(m.text) if m.type == "error" else None)
    page.goto(served.address)
    page.wait_for_selector("#segment", state="attached")
    for _ in range(50):  # the process remembers where the last page was: dialogs, too
        if not page.locator(".v-overlay--active").count():
            break
        page.keyboard.press("Escape")
        page.wait_for_timeout(100)
    page.click(".v-tab:has-text('Segment')")
    page.wait_for_selector("#segment")
    for key in ("1", "l", "Escape"):
        page.keyboard.press(key)


def open_ct(page, path: Path):
    """A file, or a DICOM folder, through the button Open; then wait until it is open: the page may say so already, of
    the one before."""
    page.evaluate("""() => {
      const line = document.querySelector("#lts-said");
      window.opening = [];
      new MutationObserver(() => window.opening.push(line.innerText)).observe(
        line, {characterData: true, childList: true, subtree: true});
    }""")
    page.click("button:has-text('Open')")
    with page.expect_file_chooser() as chooser:
        page.click("text=DICOM folder…" if path.is_dir() else "text=CT file…")
    chooser.value.set_files(str(path))
    page.wait_for_function("() => window.opening.some(text => text.includes('Press Segment'))")
    return page


def choose(page, path: Path) -> None:
    """As the menu of the button Open does; that menu itself is pressed in `open_ct`."""
    with page.expect_file_chooser() as chooser:
        page.evaluate("folder => window.lungTumorSeg.choose(folder)", path.is_dir())
    chooser.value.set_files(str(path))


def segment(page, words: str = "2 lesions found", press=lambda page: page.click("#segment")):
    """Press Segment and wait until this is said: now, whatever was said before and is said right after."""
    page.evaluate("""() => {
      const line = document.querySelector("#lts-said");
      if (!window.pressed) for (const kind of ["keydown", "click"]) document.addEventListener(kind, (event) =>
        window.pressed.push(`${kind} ${event.key ?? ""} at ${event.target.id || event.target.tagName}`), true);
      window.heard = [], window.pressed = [];
      new MutationObserver(() => window.heard.push(line.innerText)).observe(
        line, {characterData: true, childList: true, subtree: true});
    }""")
    press(page)
    page.wait_for_function("words => (window.heard || []).some(text => text.includes(words))", arg=words)
    return page


def told(page) -> str:
    """What may tell why a test failed here."""
    facts = {**page.evaluate(STATE), "wrong": getattr(page, "wrong", None)}
    return "\n".join(f"{name}: {value}" for name, value in facts.items())


@contextmanager
def cut_off(page):
    """No request of the page gets through. Not Chromium's offline mode: that may hold back the websocket's closing as
    well, then the page is told of nothing; and it is the whole context's."""
    page.route("**/*", lambda request: request.abort("internetdisconnected"))
    try:
        yield
    finally:
        page.unroute("**/*")


def hush(page, served) -> None:
    """Empty the status line, so that what is said next is known to be new."""
    served.ask("say", "")
    page.wait_for_function("() => document.querySelector('#lts-said').innerText === ''")


def refusal(page) -> str:
    """The status line, once it tells of a failure."""
    page.wait_for_selector("#lts-said.lts-failed")
    return page.inner_text("#lts-said")


def downloaded(page, button: str, folder: Path) -> Path:
    with page.expect_download() as download:
        page.click(button)
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def said(page, words: str) -> None:
    """Wait until the status line says this."""
    page.wait_for_function("words => document.querySelector('#lts-said')?.innerText.includes(words)", arg=words)


def view_box(page, name: str) -> dict:
    """Where a view lies in the window. name : one of `web.views`, in any case."""
    return page.locator(f"[data-view='{name}' i]").bounding_box()


def at(page, served, view: str, lps) -> tuple[float, float]:
    """Where a point of the patient lies in the window."""
    box = view_box(page, view)
    across, down = served.ask("pixel", view, list(lps))
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def take(page, served, tool: str) -> None:
    """Press a tool's button; the hand holds it then."""
    page.click(f"#tool-{tool}")
    until(lambda: served.ask("tool"), lambda held: held == tool, page)


def drag(page, start: tuple[float, float], way: tuple[float, float]) -> None:
    """With the left button, by so many pixels to the right and down."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(start[0] + way[0], start[1] + way[1], steps=5)
    page.mouse.up()


def until(ask, good, page, seconds: float = 300.0):
    """Ask until the answer is good; gives it back."""
    for _ in range(int(seconds / 0.1)):
        answer = ask()
        if good(answer):
            return answer
        page.wait_for_timeout(100)
    raise AssertionError(f"still {answer} after {seconds} s")


def drops(served) -> list[str]:
    """What came from the browser and is still kept."""
    return sorted(path.name for path in Path(served.ask("received")).glob("drop-*"))


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
