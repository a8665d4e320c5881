"""What goes wrong beside the page: the worker dies, the network is cut, the process is killed, the disk is full. One
line says so, no traceback is in the page, nothing is lost, and the next Segment works."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from app_process import Served
from browsing import at, choose, come_in, cut_off, downloaded, drag, hush, open_ct, refusal, said, segment, take, until
from downloads import on_grid

from LungTumorSegLib.volume.reading import read_ct

resource = pytest.importorskip("resource")  # limits of a process, on POSIX

BUSY = "document.querySelector('#segment').innerText.toUpperCase().includes('CANCEL')"
PLACE = (8.0, 22.0, 118.0)


@pytest.fixture
def held(opened, served):
    """The page while the worker computes, for as long as the file stands."""
    served.hold.touch()
    opened.click("#segment")
    opened.wait_for_function(BUSY)
    said(opened, "Finding lungs")
    yield opened
    served.hold.unlink(missing_ok=True)


@pytest.fixture
def own(tmp_path, chromium):
    """Starts the app in a folder of its own, as often as a test asks, each time with a page of its own."""
    started, contexts = [], []

    def start():
        contexts.append(chromium.new_context(viewport={"width": 1280, "height": 720}, accept_downloads=True))
        started.append(Served(tmp_path))
        started[-1].ask("hurry")
        return started[-1], come_in(contexts[-1], started[-1])

    yield start
    for each in started:
        each.close()
    for context in contexts:
        context.close()


def in_one_line(page) -> str:
    """What the page says of a failure."""
    line = refusal(page)
    assert len(line) > 20
    assert "\n" not in line
    assert "Traceback" not in page.inner_text("body")
    return line


def full_disk(served, full: bool) -> None:
    """No file of the process may grow beyond 4 kB, which it sees as it sees a full disk; children inherit it."""
    _soft, hard = resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(served.process.pid, resource.RLIMIT_FSIZE, (4096 if full else hard, hard))


def facts(served) -> dict:
    """What the user would miss."""
    return {
        "voxels": {number: lesion["count"] for number, lesion in served.ask("voxels").items()},
        "prompts": served.ask("prompts"),
        "threshold": served.ask("threshold"),
        "lesions": json.loads(json.dumps(served.ask("lesions")), parse_float=lambda text: round(float(text), 6)),
    }


def test_a_worker_killed_during_segment_is_told_of_and_the_next_segment_works(held, served):
    served.kill_worker()
    assert "worker" in in_one_line(held).lower()
    assert served.ask("voxels") == {}
    served.hold.unlink()
    segment(held)
    assert len(served.ask("voxels")) == 2


def test_a_network_cut_during_segment_comes_back_to_the_answer(held, served):
    held.evaluate("window.stale = true")
    with cut_off(held):
        held.evaluate("window.trame.client.getConnection().getSession().close()")
        held.wait_for_selector("text=Connection lost")
        served.hold.unlink()
        until(lambda: served.ask("voxels"), lambda found: len(found) == 2, held)
    held.wait_for_function("!window.stale && document.querySelector('#segment')")
    said(held, "2 lesions found")
    held.click(".v-tab:has-text('Measure')")
    assert held.locator("#lesions tbody tr").count() == 2
    held.click(".v-tab:has-text('Segment')")
    segment(held)


def test_who_takes_over_during_segment_sees_the_answer(held, chromium, served):
    other = chromium.new_context()
    second = other.new_page()
    second.set_default_timeout(300_000)
    second.goto(served.address)
    second.click("text=Use it here")
    said(second, "Finding lungs")
    held.wait_for_selector("text=LungTumorSeg is open elsewhere")
    served.hold.unlink()
    said(second, "2 lesions found")
    other.close()


def test_a_killed_process_leaves_prompts_edits_and_lesions_to_the_next(own, ct_file, tmp_path):
    first, page = own()
    work(first, page, ct_file)
    page.click("text=Lymph node")
    until(lambda: first.ask("lesions")[0]["node"], bool, page)
    before = facts(first)
    until(lambda: first.ask("kept"), bool, page)
    received = Path(first.ask("received"))
    first.kill()
    page.wait_for_selector("text=Connection lost")
    shutil.rmtree(received)  # the machine was switched off: what was temporary is gone

    second, page = own()
    page.click("#continue")
    said(page, "You are where you left")
    until(lambda: facts(second), lambda now: now == before, page)
    page.click(".v-tab:has-text('Measure')")
    assert page.locator("#lesions tbody tr").count() == 3
    assert "node" in page.inner_text("#lesions")
    page.click(".v-tab:has-text('Export')")
    second.ask("save", str(tmp_path / "scene.npz"))
    with np.load(tmp_path / "scene.npz") as held:
        mask = sitk.ReadImage(str(downloaded(page, "#export-nifti", tmp_path)))
        assert np.array_equal(on_grid(mask, read_ct(ct_file)), held["labels"] > 0)
    page.click(".v-tab:has-text('Segment')")
    segment(page, " found in ")
    assert set(second.ask("voxels")) == set(before["voxels"])
    assert second.ask("prompts") == before["prompts"]

    second.process.terminate()  # as Ctrl-C does; what is new is saved
    second.process.wait(30)
    third, page = own()
    page.click("#discard")
    page.wait_for_selector(".lts-offer", state="detached")
    segment(open_ct(page, ct_file))
    assert not (third.folder / "session" / "kept").exists()


def test_folders_named_in_the_train_tab_are_named_again_after_a_restart(own, tmp_path):
    ours, frozen, away = tmp_path / "ours", tmp_path / "frozen", tmp_path / "away"
    frozen.mkdir()

    def come():
        served, page = own()
        page.click(".v-tab:has-text('Train')")
        page.wait_for_selector("#teaching-folder")
        return served, page

    def shown(page):
        return [page.input_value(field) for field in ("#teaching-folder", "#frozen")]

    first, page = come()
    for field, folder in (("#teaching-folder", ours), ("#frozen", frozen)):
        page.fill(field, str(folder))
        page.press(field, "Enter")
    kept = tmp_path / "folders.json"
    until(lambda: kept.is_file() and kept.read_text(), lambda text: text and "frozen" in text, page)
    first.kill()

    ours.rename(away)  # as a drive that is not mounted
    second, page = come()
    assert "ours of the Train tab is out of reach" in in_one_line(page)
    assert shown(page) == ["", str(frozen)]
    second.kill()

    away.rename(ours)
    _third, page = come()
    assert shown(page) == [str(ours), str(frozen)]
    (tmp_path / "a file").write_text("")
    page.fill("#teaching-folder", str(tmp_path / "a file"))
    page.press("#teaching-folder", "Enter")
    assert "a file cannot keep the cases" in in_one_line(page)
    page.wait_for_function("() => document.querySelector('#teaching-folder').value === ''")


def test_a_full_disk_is_told_of_costs_nothing_that_was_kept_and_is_made_good(own, ct_file, tmp_path):
    first, page = own()
    segment(open_ct(page, ct_file))
    until(lambda: first.ask("kept"), bool, page)
    before = facts(first)
    full_disk(first, True)
    paint(first, page)
    said(page, "could not be kept")
    page.click(".v-tab:has-text('Export')")
    for button in ("#export-nifti", "#export-scene"):
        hush(page, first)
        page.click(button)
        assert "could not be written" in in_one_line(page)
        page.wait_for_selector(f"{button}:enabled")
    painted = facts(first)
    assert painted["voxels"]["1"] > before["voxels"]["1"]
    first.kill()

    second, page = own()
    page.click("#continue")
    said(page, "You are where you left")
    until(lambda: facts(second), lambda now: now == before, page)
    until(lambda: second.ask("kept"), bool, page)
    voxels = set((tmp_path / "session" / "current").glob("*.nrrd"))
    full_disk(second, True)
    paint(second, page)
    said(page, "could not be kept")
    assert set((tmp_path / "session" / "current").glob("*.nrrd")) == voxels  # no half a file is left
    full_disk(second, False)
    until(lambda: second.ask("kept"), bool, page)
    page.click(".v-tab:has-text('Export')")
    assert downloaded(page, "#export-nifti", tmp_path).stat().st_size > 0
    page.click(".v-tab:has-text('Segment')")
    segment(page, " found in ")


def test_a_folder_that_cannot_be_written_is_told_of_at_the_start(own, ct_file, tmp_path):
    (tmp_path / "session").write_text("a file is where the folder should be")
    _served, page = own()
    assert "not kept" in in_one_line(page)
    segment(open_ct(page, ct_file))


def test_files_that_find_no_room_are_told_of_and_taken_once_there_is_some(page, served, ct_file):
    full_disk(served, True)
    try:
        choose(page, ct_file)
        page.wait_for_selector(".lts-sending:has-text('could not be received')")
        assert "500" not in page.inner_text(".lts-sending")
    finally:
        full_disk(served, False)
    segment(open_ct(page, ct_file))


def work(served, page, ct_file) -> None:
    """Two lesions found, one more by a point, painted at, another threshold."""
    segment(open_ct(page, ct_file))
    served.ask("jump", PLACE)
    take(page, served, "inside")
    page.mouse.click(*at(page, served, "Axial", PLACE))
    until(lambda: served.ask("voxels"), lambda found: len(found) == 3, page)
    page.keyboard.press("Escape")
    paint(served, page)
    page.focus(".v-slider:has(#threshold) [role=slider]")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    until(lambda: served.ask("threshold"), lambda threshold: abs(threshold - 0.45) < 1e-6, page)
    page.click(".v-tab:has-text('Measure')")
    page.click("#lesions tbody tr >> nth=0")


def paint(served, page) -> None:
    """At the first lesion."""
    before = served.ask("voxels")["1"]
    page.click(".v-tab:has-text('Measure')")
    page.click("#lesions tbody tr >> nth=0")
    page.click(".v-tab:has-text('Segment')")
    beside = [before["middle"][0] + 9.0, *before["middle"][1:]]
    served.ask("jump", beside)
    take(page, served, "paint")
    drag(page, at(page, served, "Axial", beside), (12, 4))
    until(lambda: served.ask("voxels")["1"]["count"], lambda count: count > before["count"], page)
    page.keyboard.press("Escape")
    until(lambda: served.ask("edited"), bool, page)
