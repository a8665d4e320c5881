"""One browser at a time, and the same state wherever it comes back."""

from browsing import open_ct, said


def test_no_request_leaves_the_machine_and_the_console_stays_clean(segmented):
    segmented.click(".v-tab:has-text('Measure')")
    segmented.wait_for_timeout(500)
    assert segmented.outside == []
    assert segmented.wrong == []
    assert segmented.locator("link[rel=icon]").get_attribute("href") == "own/icon.svg"


def test_a_reloaded_page_is_where_it_was(segmented, served):
    before = served.ask("voxels")
    segmented.click(".v-tab:has-text('Measure')")
    segmented.wait_for_selector("#lesions tbody tr")
    segmented.reload()
    segmented.wait_for_selector("#lesions tbody tr >> visible=true")
    assert segmented.locator("#lesions tbody tr").count() == 2
    assert served.ask("voxels") == before


def test_a_second_browser_is_told_and_may_take_over(opened, chromium, served):
    other = chromium.new_context()
    second = other.new_page()
    second.set_default_timeout(90_000)
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
    opened.click("#segment")
    said(opened, "2 lesions found")


def test_a_killed_process_leaves_its_work_to_the_next(chromium, tmp_path, ct_file):
    from app_process import Served

    first = Served(tmp_path)
    context = chromium.new_context()
    page = context.new_page()
    page.set_default_timeout(90_000)
    page.goto(first.address)
    page.wait_for_selector("#segment")
    open_ct(page, ct_file)
    page.click("#segment")
    said(page, "2 lesions found")
    before = first.ask("voxels")
    for _ in range(600):
        if first.ask("kept"):
            break
        page.wait_for_timeout(100)
    first.process.kill()
    first.process.wait()
    page.wait_for_selector("text=Connection lost")
    second = Served(tmp_path)
    page.goto(second.address)
    page.click("#continue")
    said(page, "You are where you left")
    after = second.ask("voxels")
    assert {n: lesion["count"] for n, lesion in after.items()} == {n: lesion["count"] for n, lesion in before.items()}
    second.close()
    context.close()
