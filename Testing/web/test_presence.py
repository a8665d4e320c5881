"""One browser at a time, and the same state wherever it comes back."""

from browsing import coloured_pixels, said, segment, until


def test_no_request_leaves_the_machine_and_the_console_stays_clean(segmented):
    for tab in ("Measure", "Export", "Train", "Segment"):
        segmented.click(f".v-tab:has-text('{tab}')")
    until(lambda: coloured_pixels(segmented, "axial"), lambda count: count > 100, segmented)
    segmented.wait_for_load_state("networkidle")
    assert segmented.outside == []
    assert segmented.wrong == []
    assert segmented.locator("link[rel=icon]").get_attribute("href") == "own/icon.svg"


def test_a_reloaded_page_is_where_it_was(segmented, served):
    before = served.ask("voxels")
    segmented.click(".v-tab:has-text('Measure')")
    until(lambda: served.ask("tab"), lambda tab: tab == "measure", segmented)
    segmented.reload()
    segmented.wait_for_selector("#lesions tbody tr >> visible=true")
    assert segmented.locator("#lesions tbody tr").count() == 2
    assert served.ask("voxels") == before


def test_a_second_browser_is_told_and_may_take_over(opened, chromium, served):
    other = chromium.new_context()
    second = other.new_page()
    second.set_default_timeout(300_000)
    second.goto(served.address)
    second.wait_for_selector("text=LungTumorSeg is open elsewhere")
    assert opened.locator(".lts-veil").count() == 0
    second.click("text=Use it here")
    second.wait_for_selector("#segment")
    opened.wait_for_selector("text=LungTumorSeg is open elsewhere")
    other.close()


def test_a_lost_connection_comes_back_by_itself(opened, served):
    opened.evaluate("window.stale = true; window.trame.client.getConnection().getSession().close()")
    opened.wait_for_function("!window.stale && document.querySelector('#segment')")
    said(opened, "Press Segment")
    segment(opened)
