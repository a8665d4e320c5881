"""At every size of window, in every tab: nothing lies over anything else, nothing is cut off, the notice is there."""

from dataclasses import replace

import pytest
from browsing import open_ct, segment

from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.volume.phantom import make_phantom
from LungTumorSegLib.volume.writing import write_volume

SIZES = [(1280, 720), (1920, 1080), (2560, 1440)]
TABS = ("Segment", "Measure", "Export", "Train")
WRONG = """() => {
  const parts = [...document.querySelectorAll(
    'header button, header .text-caption, header .text-subtitle-1, .lts-panel button, .lts-panel .v-field, ' +
    '.lts-panel .v-tab, .lts-panel .lts-label, .lts-panel .lts-value, .lts-panel .v-slider, .lts-section, .lts-foot, ' +
    '.lts-tab td, .lts-tab th, .lts-tab .text-body-2, .lts-tab .text-caption, .lts-tab svg, .lts-case, ' +
    '.lts-tab .v-selection-control, .lts-view')]
    .filter(e => e.checkVisibility() && e.getClientRects().length);
  const wrong = [], name = e => e.id || e.textContent.trim().slice(0, 30) || e.className;
  const panel = document.querySelector('.lts-panel').getBoundingClientRect();
  const scrolled = e => e.closest('.lts-tab') !== null;
  for (const e of parts) {
    const r = e.getBoundingClientRect();
    if (r.left < -1 || r.right > innerWidth + 1 || (!scrolled(e) && (r.top < -1 || r.bottom > innerHeight + 1)))
      wrong.push('outside: ' + name(e));
    if (e.closest('.lts-panel') && r.right > panel.right + 1) wrong.push('cut: ' + name(e));
  }
  for (const e of document.querySelectorAll('.v-btn__content, .lts-tab td, .lts-tab th, .lts-label, .lts-value, ' +
    '.lts-section, .lts-notice, .v-field-label--floating, .v-label, .lts-corner, .v-select__selection-text'))
    if (e.checkVisibility() && e.scrollWidth > e.clientWidth + 1 && e.clientWidth) wrong.push('shortened: ' + name(e));
  for (let a = 0; a < parts.length; a++)
    for (let b = a + 1; b < parts.length; b++) {
      const one = parts[a], two = parts[b];
      if (one.contains(two) || two.contains(one) || scrolled(one) !== scrolled(two)) continue;
      const r = one.getBoundingClientRect(), s = two.getBoundingClientRect();
      const wide = Math.min(r.right, s.right) - Math.max(r.left, s.left);
      const high = Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top);
      if (wide > 2 && high > 2) wrong.push(name(one) + ' over ' + name(two));
    }
  return wrong;
}"""
SEEN = """() => {
  const notice = document.querySelector('.lts-notice'), r = notice.getBoundingClientRect();
  const top = document.elementFromPoint(r.left + 5, r.top + r.height / 2);
  return notice.textContent.trim().startsWith('Research use only') && r.bottom <= innerHeight && notice.contains(top);
}"""


@pytest.fixture(scope="module")
def worked(long_page, tmp_path_factory):
    """Lesions in two CTs of a patient, compared; a case for training; a lesion chosen."""
    page, folder = long_page, tmp_path_factory.mktemp("patient")
    chest = make_phantom(shape=(93, 140, 140), spacing=(2.5, 2.5, 3.0))[0]
    grid = chest.geometry
    moved = Geometry(grid.shape, grid.spacing, tuple(x + 7.0 for x in grid.origin))
    for name, volume in (("before", chest), ("after", replace(chest, geometry=moved))):
        write_volume(folder / f"Thorax of the patient {name}.nii.gz", volume)
        segment(open_ct(page, folder / f"Thorax of the patient {name}.nii.gz"))
    page.click(".v-tab:has-text('Measure')")
    page.click(".v-select:has-text('Earlier study')")
    page.click(".v-list-item:has-text('before')")
    for n, day in enumerate(("2026-01-05", "2026-03-02")):
        page.locator(".lts-tab input[placeholder^=YYYY]").nth(n).fill(day)
    page.click("#compare")
    page.wait_for_selector("#sums-plot svg")
    page.click("#lesions tbody tr >> nth=0")
    page.click(".v-tab:has-text('Train')")
    page.click("#add-case")
    page.wait_for_selector(".lts-case")
    return page


@pytest.mark.parametrize("size", SIZES)
def test_nothing_overlaps_or_is_cut_in_any_tab(worked, size):
    worked.set_viewport_size({"width": size[0], "height": size[1]})
    for tab in TABS:
        worked.click(f".v-tab:has-text('{tab}')")
        worked.wait_for_timeout(500)
        assert worked.evaluate(WRONG) == [], tab
        assert worked.evaluate(SEEN), tab


def test_all_of_the_segment_tab_is_in_the_smallest_window(worked):
    worked.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
    worked.click(".v-tab:has-text('Segment')")
    worked.wait_for_timeout(500)
    shown, whole = worked.evaluate(
        "() => { const tab = document.querySelector('.lts-tab'); return [tab.clientHeight, tab.scrollHeight]; }"
    )
    assert whole <= shown


def test_the_four_views_fill_the_window(worked):
    worked.set_viewport_size({"width": SIZES[0][0], "height": SIZES[0][1]})
    worked.wait_for_timeout(500)
    boxes = [worked.locator(".lts-view").nth(n).bounding_box() for n in range(4)]
    area = sum(box["width"] * box["height"] for box in boxes)
    assert area > 0.97 * (1280 - 392) * (720 - 44)
