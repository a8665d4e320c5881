"""Two CTs open: each with its own threshold, no tool in the hand that is not."""

import shutil

from browsing import open_ct, segment, until

THRESHOLD = ".v-slider:has(#threshold) [role=slider]"


def shown(page) -> str:
    return page.inner_text(".lts-slider:has(#threshold) .lts-value")


def choose(page, name: str) -> None:
    page.click(".v-select:has-text('CT')")
    page.click(f".v-list-item:has-text('{name}')")


def threshold_up(page, steps: int) -> None:
    page.focus(THRESHOLD)
    for _ in range(steps):
        page.keyboard.press("ArrowRight")
    until(lambda: shown(page), lambda text: text == f"0.{40 + steps}", page)


def test_each_ct_is_shown_with_the_threshold_at_which_it_was_cut(page, served, ct_file, tmp_path):
    segment(open_ct(page, shutil.copy(ct_file, tmp_path / "one.nii.gz")))
    at_40 = served.ask("voxels")["1"]["count"]
    threshold_up(page, 10)
    until(lambda: served.ask("threshold"), lambda threshold: abs(threshold - 0.5) < 1e-6, page)
    at_50 = served.ask("voxels")["1"]["count"]
    segment(open_ct(page, shutil.copy(ct_file, tmp_path / "two.nii.gz")))
    threshold_up(page, 3)
    choose(page, "one")  # the slider may not have rested yet
    until(lambda: shown(page), lambda text: text == "0.50", page)
    assert abs(served.ask("threshold") - 0.5) < 1e-6
    assert served.ask("voxels")["1"]["count"] == at_50
    assert page.is_disabled("button[title='Undo (Ctrl+Z)']")
    choose(page, "two")
    until(lambda: shown(page), lambda text: text == "0.43", page)
    assert at_50 < served.ask("voxels")["1"]["count"] < at_40


def test_another_ct_takes_the_tool_out_of_the_hand_and_its_button_says_so(segmented, served, ct_file):
    segmented.click("#tool-paint")
    segmented.wait_for_selector("#tool-paint[aria-pressed=true]")
    until(lambda: served.ask("tool"), lambda tool: tool == "paint", segmented)
    open_ct(segmented, ct_file)
    segmented.wait_for_selector("#tool-paint[aria-pressed=false]")
    assert served.ask("tool") == ""
    segmented.click("#tool-paint")
    until(lambda: served.ask("tool"), lambda tool: tool == "paint", segmented)
    segmented.keyboard.press("Escape")
