"""The radiologist's loop by real mouse events in a real browser: what the scene holds then, what is downloaded."""

import re

import numpy as np
import SimpleITK as sitk
from browsing import at, coloured_pixels, downloaded, grey_levels, said, until, view_box

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
    segmented.wait_for_timeout(600)
    assert coloured_pixels(segmented, "axial") > 100
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
    segmented.click("#tool-inside")
    segmented.wait_for_timeout(300)
    segmented.mouse.click(*at(segmented, served, "Axial", place))
    found = until(lambda: served.ask("voxels"), lambda v: len(v) == 3, segmented)
    assert min(np.linalg.norm(np.subtract(lesion["middle"], place)) for lesion in found.values()) < 2.0
    assert served.ask("prompts") == [1, 0, 0]
    segmented.keyboard.press("Escape")


def test_a_box_drawn_by_mouse_adds_the_lesion_in_it(segmented, served):
    place = (8.0, 22.0, 118.0)
    served.ask("jump", place)
    segmented.click("#tool-box")
    segmented.wait_for_timeout(300)
    for corner in (np.subtract(place, (5, 5, 0)), np.add(place, (5, 5, 0))):
        x, y = at(segmented, served, "Axial", corner)
        segmented.mouse.move(x, y, steps=4)
        segmented.wait_for_timeout(200)
        segmented.mouse.click(x, y)
    found = until(lambda: served.ask("voxels"), lambda v: len(v) == 3, segmented)
    assert min(np.linalg.norm(np.subtract(lesion["middle"], place)) for lesion in found.values()) < 2.0
    assert served.ask("prompts") == [0, 0, 1]
    segmented.click("text=Delete all")
    until(lambda: served.ask("voxels"), lambda v: len(v) == 2, segmented)


def test_grad_cam_is_made_at_first_use_and_shown_instead_of_the_probability(segmented, served):
    assert served.ask("overlays") == [True, False]
    segmented.click("#show-heat")
    until(lambda: served.ask("overlays"), lambda shown: shown == [False, True], segmented)
    segmented.click("#show-probability")
    until(lambda: served.ask("overlays"), lambda shown: shown == [True, False], segmented)


def test_painting_adds_voxels_and_undo_takes_them_back(segmented, served):
    before = served.ask("voxels")
    middle = before["1"]["middle"]
    served.ask("jump", middle)
    segmented.click("#tool-paint")
    segmented.wait_for_timeout(300)
    x, y = at(segmented, served, "Axial", np.add(middle, (9.0, 0.0, 0.0)))
    segmented.mouse.move(x, y)
    segmented.mouse.down()
    segmented.mouse.move(x + 12, y + 4, steps=4)
    segmented.mouse.up()
    painted = until(lambda: served.ask("voxels"), lambda v: v["1"]["count"] > before["1"]["count"] + 10, segmented)
    assert painted["2"] == before["2"]
    segmented.wait_for_timeout(700)  # it is measured
    segmented.keyboard.press("Control+z")
    until(lambda: served.ask("voxels"), lambda v: v["1"]["count"] == before["1"]["count"], segmented)
    segmented.keyboard.press("Escape")


def test_a_diameter_line_dragged_by_its_end_is_the_tables_value(segmented, served):
    segmented.click(".v-tab:has-text('Measure')")
    row = segmented.locator("#lesions tbody tr").first
    row.click()
    end = served.ask("line", 1, "long")[0]
    served.ask("jump", end)
    segmented.wait_for_timeout(500)
    x, y = at(segmented, served, "Axial", end)
    for step in (
        lambda: segmented.mouse.move(x, y, steps=3),
        segmented.mouse.down,
        lambda: segmented.mouse.move(x + 20, y - 14, steps=6),
        segmented.mouse.up,
    ):  # each is seen by the process before the next, as by a hand
        step()
        segmented.wait_for_timeout(400)
    segmented.wait_for_function("document.querySelector('#lesions tbody tr').innerText.includes('edited')")
    ends = np.array(served.ask("line", 1, "long"))
    assert f"{np.linalg.norm(ends[0] - ends[1]):.1f} ×" in row.inner_text()


def test_the_downloaded_mask_is_the_scenes_on_the_cts_own_grid(segmented, served, ct_file, tmp_path):
    segmented.click(".v-tab:has-text('Export')")
    file = downloaded(segmented, "#export-nifti", tmp_path)
    assert re.fullmatch(r"chest[-\w]*-tumours\.nii\.gz", file.name)
    mask, ct = sitk.ReadImage(str(file)), sitk.ReadImage(str(ct_file))
    for facts in ("GetSize", "GetSpacing", "GetOrigin", "GetDirection"):
        assert np.allclose(getattr(mask, facts)(), getattr(ct, facts)(), atol=1e-4), facts
    wanted = np.zeros(ct.GetSize()[::-1], bool)
    for k, j, i, _lesion in served.ask("labels"):
        wanted[k, j, i] = True
    assert wanted.any()
    assert np.array_equal(sitk.GetArrayFromImage(mask) > 0, wanted)


def test_a_killed_worker_costs_a_click_at_most(segmented, served):
    served.ask("kill_worker")
    segmented.wait_for_timeout(300)
    segmented.click("#segment")
    said(segmented, "found in")
    assert len(served.ask("voxels")) == 2


def test_window_and_level_follow_the_left_button_while_that_tool_is_taken(opened, served):
    before = served.ask("window")
    opened.keyboard.press("w")
    opened.wait_for_timeout(400)
    box = view_box(opened, "axial")
    opened.mouse.move(box["x"] + 100, box["y"] + 200)
    opened.mouse.down()
    opened.mouse.move(box["x"] + 160, box["y"] + 160, steps=5)
    opened.mouse.up()
    until(lambda: served.ask("window"), lambda window: window != before, opened)
    opened.keyboard.press("Escape")
