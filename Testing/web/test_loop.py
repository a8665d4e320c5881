"""The radiologist's loop by real mouse events in a real browser: what the scene holds then, what is downloaded."""

import re

import numpy as np
import SimpleITK as sitk
from browsing import at, coloured_pixels, downloaded, drag, grey_levels, segment, take, until, view_box
from downloads import on_grid

from LungTumorSegLib.volume.reading import read_ct

THRESHOLD = ".v-slider:has(#threshold) [role=slider]"


def test_a_ct_is_seen_in_all_slice_views_after_it_was_chosen(opened, served):
    for name in ("axial", "coronal", "sagittal"):
        until(lambda name=name: grey_levels(opened, name), lambda levels: levels > 8, opened)
    assert served.ask("window") == [1500.0, -600.0]
    opened.keyboard.press("m")
    until(lambda: served.ask("window"), lambda window: window == [400.0, 40.0], opened)


def test_the_wheel_scrolls_a_view_slice_by_slice(opened, served):
    before = served.ask("offset", "Axial")
    box = view_box(opened, "axial")
    opened.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    opened.mouse.wheel(0, -100)
    moved = until(lambda: served.ask("offset", "Axial"), lambda offset: offset != before, opened)
    assert abs(abs(moved - before) - 1.25) < 1e-6


def test_segment_finds_lesions_and_their_colour_is_on_the_screen(segmented, served):
    assert len(served.ask("voxels")) == 2
    until(lambda: coloured_pixels(segmented, "axial"), lambda count: count > 100, segmented)
    segmented.click(".v-tab:has-text('Measure')")
    assert segmented.locator("#lesions tbody tr").count() == 2


def test_the_threshold_follows_the_slider_and_more_is_less(segmented, served):
    before = served.ask("voxels")
    segmented.focus(THRESHOLD)
    for _ in range(10):
        segmented.keyboard.press("ArrowRight")
    assert abs(until(lambda: served.ask("threshold"), lambda t: t > 0.49, segmented) - 0.5) < 1e-6
    after = until(lambda: served.ask("voxels"), lambda v: v["1"]["count"] < before["1"]["count"], segmented)
    assert 0 < after["1"]["count"] < before["1"]["count"]


def test_a_point_placed_by_mouse_adds_the_lesion_there(segmented, served):
    place = (8.0, 22.0, 118.0)
    served.ask("jump", place)
    take(segmented, served, "inside")
    segmented.mouse.click(*at(segmented, served, "Axial", place))
    found = until(lambda: served.ask("voxels"), lambda v: len(v) == 3, segmented)
    assert min(np.linalg.norm(np.subtract(lesion["middle"], place)) for lesion in found.values()) < 2.0
    assert served.ask("prompts") == [1, 0, 0]
    segmented.keyboard.press("Escape")


def test_a_box_drawn_by_mouse_adds_the_lesion_in_it(segmented, served):
    place = (8.0, 22.0, 118.0)
    served.ask("jump", place)
    take(segmented, served, "box")
    for corner in (np.subtract(place, (5, 5, 0)), np.add(place, (5, 5, 0))):
        x, y = at(segmented, served, "Axial", corner)
        segmented.mouse.move(x, y, steps=4)
        segmented.mouse.click(x, y)
        until(lambda: served.ask("corners"), lambda set_: set_ > 0, segmented)
    found = until(lambda: served.ask("voxels"), lambda v: len(v) == 3, segmented)
    assert min(np.linalg.norm(np.subtract(lesion["middle"], place)) for lesion in found.values()) < 2.0
    assert served.ask("prompts") == [0, 0, 1]
    segmented.click("text=Delete all")
    until(lambda: served.ask("voxels"), lambda v: len(v) == 2, segmented)


def test_grad_cam_is_made_at_first_use_and_shown_instead_of_the_probability(segmented, served):
    assert served.ask("overlays") == [True, False]
    segmented.click("#show-heat")
    until(lambda: served.ask("overlays"), lambda shown: shown == [False, True], segmented)
    segmented.wait_for_selector("#show-heat.v-btn--active")
    segmented.click("#show-probability")
    until(lambda: served.ask("overlays"), lambda shown: shown == [True, False], segmented)


def test_a_new_segment_shows_its_probability_and_grad_cam_is_made_anew(segmented, served):
    segmented.click("#show-heat")
    until(lambda: served.ask("overlays"), lambda shown: shown == [False, True], segmented)
    segmented.wait_for_selector("#segment:has-text('Segment')")
    segment(segmented)
    until(lambda: served.ask("overlays"), lambda shown: shown == [True, False], segmented)
    segmented.wait_for_selector("#show-probability.v-btn--active")
    segmented.wait_for_selector("#show-heat:enabled")
    segmented.click("#show-heat")
    until(lambda: served.ask("overlays"), lambda shown: shown == [False, True], segmented)
    segmented.wait_for_selector("#show-heat.v-btn--active")
    segmented.click("#show-probability")


def test_painting_adds_voxels_and_undo_takes_them_back(segmented, served):
    before = served.ask("voxels")
    middle = before["1"]["middle"]
    served.ask("jump", middle)
    take(segmented, served, "paint")
    drag(segmented, at(segmented, served, "Axial", np.add(middle, (9.0, 0.0, 0.0))), (12, 4))
    painted = until(lambda: served.ask("voxels"), lambda v: v["1"]["count"] > before["1"]["count"] + 10, segmented)
    assert painted["2"] == before["2"]
    until(lambda: served.ask("edited"), bool, segmented)
    segmented.keyboard.press("Control+z")
    until(lambda: served.ask("voxels"), lambda v: v["1"]["count"] == before["1"]["count"], segmented)
    segmented.keyboard.press("Escape")


def test_a_diameter_line_dragged_by_its_end_is_the_tables_value(segmented, served):
    segmented.click(".v-tab:has-text('Measure')")
    row = segmented.locator("#lesions tbody tr").first
    row.click()
    end = served.ask("line", 1, "long")[0]
    served.ask("jump", end)
    x, y = at(segmented, served, "Axial", end)
    segmented.mouse.move(x - 30, y - 30)
    segmented.mouse.move(x, y, steps=3)
    until(lambda: served.ask("held", 1, "long"), bool, segmented)
    drag(segmented, (x, y), (20, -14))
    until(row.inner_text, lambda text: "edited" in text, segmented)

    def length() -> str:
        ends = np.array(served.ask("line", 1, "long"))
        return f"{np.linalg.norm(ends[0] - ends[1]):.1f} ×"

    until(row.inner_text, lambda text: length() in text, segmented)


def test_the_downloaded_mask_is_the_scenes_on_the_cts_own_grid(segmented, served, ct_file, tmp_path):
    segmented.click(".v-tab:has-text('Export')")
    file = downloaded(segmented, "#export-nifti", tmp_path)
    assert re.fullmatch(r"chest[-\w]*-tumours\.nii\.gz", file.name)
    served.ask("save", str(tmp_path / "scene.npz"))
    with np.load(tmp_path / "scene.npz") as held:
        assert (held["labels"] > 0).any()
        assert np.array_equal(on_grid(sitk.ReadImage(str(file)), read_ct(ct_file)), held["labels"] > 0)


def test_a_worker_killed_while_idle_costs_nothing(segmented, served):
    served.kill_worker()
    segment(segmented, "found in")
    assert len(served.ask("voxels")) == 2


def test_window_and_level_follow_the_left_button_while_that_tool_is_taken(opened, served):
    before = served.ask("window")
    opened.keyboard.press("w")
    until(lambda: served.ask("tool"), lambda tool: tool == "window", opened)
    box = view_box(opened, "axial")
    drag(opened, (box["x"] + 100, box["y"] + 200), (60, -40))
    until(lambda: served.ask("window"), lambda window: window != before, opened)
    opened.keyboard.press("Escape")
