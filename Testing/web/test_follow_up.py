"""The same patient at two dates: registered, matched, judged, and the person has the last word."""

from dataclasses import replace

from browsing import open_ct, segment, until

from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.volume.phantom import make_phantom
from LungTumorSegLib.volume.writing import write_volume


def test_two_dates_are_compared_and_a_match_is_changed_and_confirmed(long_page, tmp_path):
    page = long_page
    chest = make_phantom(shape=(93, 140, 140), spacing=(2.5, 2.5, 3.0))[0]
    grid = chest.geometry
    moved = Geometry(grid.shape, grid.spacing, tuple(x + 7.0 for x in grid.origin))
    for name, volume in (("before", chest), ("after", replace(chest, geometry=moved))):
        write_volume(tmp_path / f"{name}.nii.gz", volume)
        segment(open_ct(page, tmp_path / f"{name}.nii.gz"))
    page.click(".v-tab:has-text('Measure')")
    page.click(".v-select:has-text('Earlier study')")
    page.click(".v-list-item:has-text('before')")
    until(page.locator(".v-select:has-text('Earlier study')").inner_text, lambda text: "before" in text, page)
    page.click("#compare")
    page.wait_for_selector("#matches tbody tr")
    rows = page.locator("#matches tbody tr")
    assert rows.count() == 2
    assert [row.split("\t")[1][:2] for row in rows.all_inner_texts()] == ["#1", "#2"]
    assert "stable disease" in page.inner_text("#response")

    rows.first.click()
    page.click("button:has-text('Confirm')")
    until(rows.first.inner_text, lambda text: "confirmed" in text, page)
    assert "confirmed" not in rows.last.inner_text()
    rows.last.click()
    page.click(".v-select:has-text('Change the chosen match')")
    page.click(".v-list-item:has-text('gone')")
    until(rows.count, lambda count: count == 3, page)
    assert "is it a new tumour?" in rows.last.inner_text()

    open_ct(page, tmp_path / "before.nii.gz")
    for gone in ("#matches", "#response", "#sums-plot"):
        page.wait_for_selector(gone, state="detached")
