"""Without a mouse: every control is reached by Tab and seen to be, tooltips name the keys, Escape cancels."""

import pytest
from browsing import said, segment, until

from LungTumorSegLib.web.keyboard import LAYOUTS, TOOLS, WINDOWS

# What a person may press, drag or fill in. Of tabs, the one that is open is reached by Tab, the others by arrow keys.
CONTROLS = """() => {
  const all = [...document.querySelectorAll(
    'button, input, select, textarea, a[href], [role=slider], [role=button], [tabindex="0"]')];
  const wanted = all.filter(e => e.checkVisibility({visibilityProperty: true}) && e.getClientRects().length
    && !e.disabled && e.getAttribute('aria-disabled') !== 'true' && !e.closest('.v-input--disabled')
    && !(e.matches('[role=tab]') && e.getAttribute('aria-selected') !== 'true')
    && !(e.matches('input') && e.closest('.v-slider')));  // the slider's own; its thumb is what is moved
  window.ltsWanted = new Set(wanted);
  wanted[0].focus();
  return wanted.length;
}"""
# Takes the control in focus off the list; says what it is, and whether that is to be seen.
REACHED = """() => {
  const e = document.activeElement;
  if (!e || e === document.body) return null;
  window.ltsWanted.delete(e);
  const field = e.closest('.v-field'), ring =
    e.closest('.v-slider-thumb')?.querySelector('.v-slider-thumb__surface') ??
    e.closest('.v-selection-control')?.querySelector('.v-selection-control__input') ?? e;
  const style = getComputedStyle(ring), outline = field && getComputedStyle(field.querySelector('.v-field__outline'));
  return {
    what: e.id || e.title || e.getAttribute('aria-label') || e.innerText || e.outerHTML.slice(0, 60),
    seen: (style.outlineStyle === 'solid' && parseFloat(style.outlineWidth) >= 2) ||
      (outline && outline.color === 'rgb(110, 168, 255)'),
    top: e.getBoundingClientRect().top,
    part: e.closest('header') ? 'bar' : e.closest('.lts-panel') ? 'panel' : 'views',
  };
}"""
LEFT = """() => [...window.ltsWanted].map(
  e => e.id || e.title || e.getAttribute('aria-label') || e.innerText || e.outerHTML.slice(0, 80))"""


def walk(page) -> list[dict]:
    """Tab from the first control to the end of the page; what was reached, in that order."""
    page.keyboard.press("Escape")
    count = page.evaluate(CONTROLS)
    stops = []
    for _ in range(count + 20):
        stop = page.evaluate(REACHED)
        if stop is None or (stops and stop["what"] == stops[0]["what"] and len(stops) > 5):
            break
        stops.append(stop)
        page.keyboard.press("Tab")
    return stops


@pytest.mark.parametrize("tab", ["Segment", "Measure", "Export", "Train"])
def test_every_enabled_control_is_reached_by_tab_and_seen_to_be(segmented, tab):
    segmented.click(f".v-tab:has-text('{tab}')")
    segmented.wait_for_timeout(500)
    stops = walk(segmented)
    assert segmented.evaluate(LEFT) == []
    assert [stop["what"] for stop in stops if not stop["seen"]] == []
    parts = [stop["part"] for stop in stops]
    assert parts == sorted(parts, key=["bar", "panel", "views"].index)
    segmented.keyboard.press("Escape")


def test_the_tabs_are_changed_by_arrow_keys(opened):
    opened.focus(".v-tab:has-text('Segment')")
    for tab in ("Measure", "Export", "Train"):
        opened.keyboard.press("ArrowRight")
        opened.keyboard.press("Enter")
        opened.wait_for_selector(f".v-tab[aria-selected=true]:has-text('{tab}')")


def test_every_key_stands_in_the_tooltip_of_what_it_does(opened):
    titles = opened.evaluate("[...document.querySelectorAll('[title]')].map(e => e.title)")
    for key in [*LAYOUTS, *WINDOWS, *TOOLS, "a", "f", "Ctrl+Z", "Ctrl+Y"]:
        name = key.upper() if len(key) == 1 else key
        assert any(f"({name})" in title for title in titles), name


def enter_on_segment(page) -> None:
    page.focus("#segment")
    assert page.evaluate("document.activeElement.id") == "segment"
    page.keyboard.press("Enter")


def test_the_loop_goes_without_a_mouse(opened, served):
    opened.wait_for_selector("#segment:enabled")  # a button that is not takes no focus, and says nothing of it
    segment(opened, press=enter_on_segment)
    opened.keyboard.press("Tab")  # to the threshold
    for _ in range(5):
        opened.keyboard.press("ArrowRight")
    until(lambda: served.ask("threshold"), lambda threshold: abs(threshold - 0.45) < 1e-6, opened)
    opened.focus(".v-tab:has-text('Segment')")
    opened.keyboard.press("ArrowRight")
    opened.keyboard.press("Enter")
    opened.wait_for_selector("#lesions tbody tr:visible")
    opened.focus("#lesions tbody tr:nth-child(2)")
    opened.keyboard.press("Enter")
    opened.wait_for_selector("#lesions tbody tr.lts-chosen:nth-child(2)")
    opened.keyboard.press("2")
    opened.wait_for_function("() => document.querySelectorAll('.lts-view').length === 1")


def test_escape_puts_the_tool_down_and_closes_dialogs(segmented):
    for key, button in (("p", "#tool-inside"), ("e", "#tool-paint")):
        segmented.keyboard.press(key)
        segmented.wait_for_selector(f"{button}[aria-pressed=true]")
        segmented.keyboard.press("Escape")
        segmented.wait_for_selector(f"{button}[aria-pressed=false]")
    segmented.click("#models")
    segmented.wait_for_selector("#models-dialog")
    segmented.keyboard.press("Escape")
    segmented.wait_for_selector("#models-dialog", state="detached")


def test_escape_cancels_what_is_computed(opened, served):
    served.hold.touch()
    try:
        opened.click("#segment")
        opened.wait_for_selector("#segment:has-text('Cancel')")
        opened.keyboard.press("Escape")
        said(opened, "Cancelled")
    finally:
        served.hold.unlink()
    assert served.ask("voxels") == {}
