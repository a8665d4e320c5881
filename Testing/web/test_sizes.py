"""At every size of window: nothing lies over anything else, nothing is cut off."""

import pytest

OVERLAPS = """() => {
  const parts = [...document.querySelectorAll(
    'header button, header .text-caption, header .text-subtitle-1, .lts-panel button, .lts-panel .v-field, ' +
    '.lts-panel .v-tab, .lts-panel .lts-label, .lts-panel .lts-value, .lts-panel .v-slider, .lts-foot, ' +
    '.layout-grid-item')]
    .filter(e => e.checkVisibility() && e.getClientRects().length);
  const wrong = [];
  const panel = document.querySelector('.lts-panel').getBoundingClientRect();
  const scrolled = e => e.closest('.lts-tab') !== null;
  for (const e of parts) {
    const r = e.getBoundingClientRect();
    if (r.left < -1 || r.right > innerWidth + 1 || (!scrolled(e) && (r.top < -1 || r.bottom > innerHeight + 1)))
      wrong.push('outside: ' + (e.id || e.textContent.slice(0, 30)));
    if (e.closest('.lts-panel') && r.right > panel.right + 1)
      wrong.push('cut: ' + (e.id || e.textContent.slice(0, 30)));
  }
  for (let a = 0; a < parts.length; a++)
    for (let b = a + 1; b < parts.length; b++) {
      const one = parts[a], two = parts[b];
      if (one.contains(two) || two.contains(one) || scrolled(one) !== scrolled(two)) continue;
      const r = one.getBoundingClientRect(), s = two.getBoundingClientRect();
      const wide = Math.min(r.right, s.right) - Math.max(r.left, s.left);
      const high = Math.min(r.bottom, s.bottom) - Math.max(r.top, s.top);
      if (wide > 2 && high > 2)
        wrong.push((one.id || one.textContent.slice(0, 30)) + ' over ' + (two.id || two.textContent.slice(0, 30)));
    }
  return wrong;
}"""


@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (2560, 1440)])
def test_nothing_overlaps_in_any_tab(segmented, size):
    segmented.set_viewport_size({"width": size[0], "height": size[1]})
    for tab in ("Segment", "Measure", "Export", "Train"):
        segmented.click(f".v-tab:has-text('{tab}')")
        segmented.wait_for_timeout(400)
        assert segmented.evaluate(OVERLAPS) == [], tab


def test_the_four_views_fill_the_window(opened):
    boxes = [opened.locator(".layout-grid-item").nth(n).bounding_box() for n in range(4)]
    area = sum(box["width"] * box["height"] for box in boxes)
    assert area > 0.97 * (1280 - 392) * (720 - 44)
