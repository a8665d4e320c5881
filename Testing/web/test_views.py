"""The views by mouse and buttons: one alone or all four, windows, zoom, moved, fitted, turned in 3D."""

import numpy as np
from browsing import grey_levels, open_ct, pixels, segment, until, view_box


def drag(page, view, button, way):
    box = view_box(page, view)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down(button=button)
    page.mouse.move(x + way[0], y + way[1], steps=6)
    page.mouse.up(button=button)


def where(served, lps=(0.0, 0.0, 118.0)) -> np.ndarray:
    """A point of the patient in the axial view, as a share of its width and height."""
    return np.array(served.ask("pixel", "Axial", list(lps)))


def size(served) -> float:
    return float(where(served, (10.0, 0.0, 118.0))[0] - where(served)[0])


def test_each_view_alone_and_all_four_by_buttons(long_page, ct_file):
    page = open_ct(long_page, ct_file)
    for title, name in (("Axial alone", "axial"), ("Coronal alone", "coronal"), ("Sagittal alone", "sagittal")):
        page.click(f"header button[title^='{title}']")
        page.wait_for_function("() => document.querySelectorAll('.lts-view').length === 1")
        until(lambda name=name: grey_levels(page, name), lambda levels: levels > 8, page)
    page.click("header button[title^='3D alone']")
    page.wait_for_selector(".lts-view .lts-3d")
    page.click(".lts-alone")
    page.wait_for_function("() => document.querySelectorAll('.lts-view').length === 4")


def test_another_layout_leaves_the_rest_of_the_page_as_it_is(long_page, ct_file):
    page = open_ct(long_page, ct_file)
    page.click("button:has-text('Open')")
    page.wait_for_selector("text=CT file…")
    page.evaluate("document.querySelector('#segment').ltsSame = true")
    for key, count in (("2", 1), ("1", 4)):
        page.evaluate("key => window.trame.trigger('key', [key])", key)
        page.wait_for_function("count => document.querySelectorAll('.lts-view').length === count", arg=count)
        page.wait_for_timeout(500)
        assert page.is_visible("text=CT file…")
        assert page.evaluate("document.querySelector('#segment').ltsSame")
    page.keyboard.press("Escape")


def test_windows_by_buttons(long_page, ct_file, served):
    page = open_ct(long_page, ct_file)
    for button, window in (("Mediastinum", [400.0, 40.0]), ("Bone", [2000.0, 300.0]), ("Lung", [1500.0, -600.0])):
        page.click(f"header button:has-text('{button}')")
        until(lambda: served.ask("window"), lambda now, window=window: now == window, page)


def test_the_right_button_zooms_the_middle_one_moves_and_fit_takes_it_back(long_page, ct_file, served):
    page = open_ct(long_page, ct_file)
    page.mouse.move(*[view_box(page, "axial")[key] + 150 for key in ("x", "y")])
    page.mouse.wheel(0, -100)
    page.wait_for_timeout(500)
    place, at, wide = served.ask("offset", "Axial"), where(served), size(served)
    drag(page, "axial", "right", (0, 60))
    until(lambda: size(served), lambda now: now > 1.05 * wide, page)
    drag(page, "axial", "middle", (40, 30))
    until(lambda: where(served), lambda now: abs(now - at).max() > 0.02, page)
    page.click("header button[title^='Fit']")
    until(lambda: size(served), lambda now: abs(now - wide) < 1e-6, page)
    assert np.allclose(where(served), at, atol=1e-6)
    assert served.ask("offset", "Axial") == place, "the slice is the same"


def test_surfaces_are_seen_in_3d_and_turned(long_page, ct_file):
    page = segment(open_ct(long_page, ct_file))
    page.keyboard.press("5")
    page.wait_for_function("() => document.querySelectorAll('.lts-view').length === 1")

    def coloured() -> int:
        picture = pixels(page, "space").astype(int)
        return int((picture.max(axis=-1) - picture.min(axis=-1) > 60).sum())

    until(coloured, lambda count: count > 50, page)
    before = pixels(page, "space")
    drag(page, "space", "left", (120, 40))
    until(lambda: float(np.abs(pixels(page, "space").astype(int) - before).mean()), lambda change: change > 1.0, page)
    page.keyboard.press("1")
