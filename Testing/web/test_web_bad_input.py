"""What people drop on a page that is no CT: one line says so, and the session goes on. The catalogue is that of the
readers (Testing/volume/test_bad_input.py), and what only a page is given."""

import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from browsing import choose, cut_off, drops, hush, open_ct, refusal, said, segment, until

sys.path.append(str(Path(__file__).resolve().parents[1] / "volume"))
from small_scans import image_of, write_series, write_structure_set
from test_bad_input import CASES, saved

PUT = """async (files) => {
  const entries = files.map(([path, text]) => ({path, file: new File([text], path.split('/').pop())}));
  await window.lungTumorSeg.send(entries);
}"""


def small_chest() -> tuple[np.ndarray, np.ndarray]:
    """HU of air, soft tissue and lung, and a tumour's mask; as the catalogue's."""
    noise = np.random.default_rng(0).normal(0, 15, (24, 28, 32))
    voxels = np.full((24, 28, 32), -1000.0)
    voxels[:, 4:24, 4:28] = 40
    voxels[4:20, 8:20, 8:14] = voxels[4:20, 8:20, 18:24] = -850
    mask = np.zeros(voxels.shape, np.uint8)
    mask[9:13, 10:14, 9:12] = 1
    return np.rint(np.clip(voxels + noise, -1024, None)).astype(np.int16), mask


CLOSED = "ReadingQuestionState__closed"  # in the page's state

# Answered by an option of the command line, or nothing that can be chosen: of a folder a browser sends no broken links.
NO_PAGE = {
    "no negative values, answered with -1024", "no negative values, answered with 0", "an impossible HU offset",
    "an offset answered but not needed", "a missing DICOM slice, resampling asked for",
    "a series number that is not there", "a file that does not exist", "a DICOM slice that is a link to nowhere",
    "one file of a DICOM series of which another is a link to nowhere",
}  # fmt: skip


# Asked for, not refused: the button pressed, and what is said of it then.
ASKED = {
    "no negative values": ("1024 was added", "-1024 HU was added, as asked"),
    "no negative values but padding": ("These are HU", "taken as HU, as asked"),
    "a missing DICOM slice": ("Interpolate", "interpolated to 2.5 mm"),
    "DICOM slices with growing gaps": ("Interpolate", "interpolated to"),
}

# A folder of one file comes as the browser sends a file: it is told of that.
LONELY = {"a folder without DICOM", "a folder with a localiser only"}


def of_the_catalogue(outcome: str) -> list:
    """What writes the input, and words of the line that it gets: all CTs with this outcome."""
    cases = [case.values for case in CASES]
    masks = {name for build, _, _, name in cases if "read_mask" in build.__code__.co_names}
    return [
        pytest.param(build, "This file holds no CT" if name in LONELY else words, id=name)
        for build, its, words, name in cases
        if its == outcome and name not in NO_PAGE | masks | set(ASKED)
    ]


def written(build, folder: Path) -> Path:
    """What the catalogue's case writes, as a user would choose it: the file, its folder where others belong to it."""
    path = build(folder, *small_chest()).args[0]
    return folder if path.suffix in (".nhdr", ".mhd") else path


def a_structure_set(folder, _chest, _tumour):
    (folder / "plan").mkdir()
    write_structure_set(folder / "plan" / "rs.dcm")
    return folder / "plan"


def two_scans(folder, chest, _tumour):
    (folder / "both").mkdir()
    for name in ("one", "two"):
        saved(image_of(chest), folder / "both" / f"{name}.nii.gz")
    return folder / "both"


def a_zip_of_a_series(folder, chest, _tumour):
    with zipfile.ZipFile(folder / "scan.zip", "w") as packed:
        for file in write_series(folder / "series", chest):
            packed.write(file, file.name)
    return folder / "scan.zip"


def a_name_with_everything(folder, _chest, _tumour):
    (folder / "Müller & Söhne #1 100% 'x'.nii.gz").write_text("Dear colleague")
    return folder / "Müller & Söhne #1 100% 'x'.nii.gz"


PAGES_OWN = (a_structure_set, two_scans, a_zip_of_a_series, a_name_with_everything)


@pytest.fixture(scope="module")
def work(long_page, ct_file):
    return segment(open_ct(long_page, ct_file))


def stays(work, served, path: Path) -> str:
    """The line with which it is refused; the work is as it was."""
    before, kept = served.ask("voxels"), drops(served)
    hush(work, served)
    choose(work, path)
    line = refusal(work)
    until(lambda: drops(served), lambda left: set(left) <= set(kept), work)
    assert len(line) > 20
    assert not work.is_visible("#reading-question")
    assert "\n" not in line
    assert "Traceback" not in work.inner_text("body")
    assert "/" not in line.replace("and/or", "")
    assert "drop-" not in line
    assert "--" not in line  # a page has no options
    assert served.ask("voxels") == before
    assert work.is_enabled("#segment")
    return line


@pytest.mark.parametrize(("build", "words"), of_the_catalogue("refused"))
def test_it_is_refused_in_one_line_and_the_work_stays(build, words, work, served, tmp_path):
    line = stays(work, served, written(build, tmp_path))
    assert words in line


@pytest.mark.parametrize("build", PAGES_OWN, ids=lambda build: build.__name__)
def test_what_only_a_page_is_given_is_refused_in_one_line_too(build, work, served, tmp_path):
    stays(work, served, build(tmp_path, *small_chest()))


@pytest.mark.parametrize("name", ASKED)
def test_what_nobody_can_guess_is_asked_and_read_as_answered(name, work, served, tmp_path):
    build = next(build for build, _, _, its in (case.values for case in CASES) if its == name)
    button, words = ASKED[name]
    path, before = written(build, tmp_path), served.ask("voxels")
    choose(work, path)
    work.wait_for_selector("#reading-question")
    work.keyboard.press("Escape")
    work.wait_for_selector("#reading-question", state="detached")
    assert "not opened" in refusal(work)
    assert served.ask("voxels") == before
    choose(work, path)
    work.click(f"#reading-question button:has-text('{button}')")
    work.wait_for_selector("#reading-question", state="detached")  # it fades, and is not the next question
    said(work, words)


def test_the_word_that_a_question_was_closed_does_not_close_the_next_one(work, served, tmp_path):
    build = next(build for build, _, _, its in (case.values for case in CASES) if its == next(iter(ASKED)))
    path = written(build, tmp_path)
    choose(work, path)
    work.wait_for_selector("#reading-question")
    work.keyboard.press("Escape")
    work.wait_for_selector("#reading-question", state="detached")
    told = work.evaluate("name => window.trame.state.get(name)", CLOSED)
    choose(work, path)
    work.wait_for_selector("#reading-question")
    work.evaluate("([name, told]) => window.trame.state.set(name, told)", [CLOSED, told])  # as if it came only now
    work.wait_for_timeout(1000)
    assert work.is_visible("#reading-question")
    work.keyboard.press("Escape")
    work.wait_for_selector("#reading-question", state="detached")


@pytest.mark.parametrize(("build", "words"), of_the_catalogue("warning"))
def test_it_is_opened_and_the_warning_is_said(build, words, work, served, tmp_path):
    path = written(build, tmp_path)
    hush(work, served)
    choose(work, path)
    said(work, words)
    said(work, "Press Segment")


def test_the_next_right_one_is_opened(work, ct_file, served):
    segment(open_ct(work, ct_file))
    assert len(served.ask("voxels")) == 2
    assert [words for words in work.wrong if "Failed to load resource" not in words] == []


def test_files_that_cannot_be_sent_are_told_of_and_can_be_sent_again(work, ct_file, served):
    hush(work, served)
    with cut_off(work):
        work.evaluate(PUT, [["chest.nii.gz", "x"]])
        assert "could not be received" in work.inner_text(".lts-sending")
    work.wait_for_selector("#segment:enabled")
    choose(work, ct_file)
    said(work, "Press Segment")


def test_dropped_files_are_taken_as_chosen_ones_are(work, served):
    """A drop event as the browser makes it, with what is no CT."""
    hush(work, served)
    data = work.evaluate_handle(
        "() => { const data = new DataTransfer();"
        "data.items.add(new File(['Dear colleague'], 'letter.txt')); return data; }"
    )
    work.dispatch_event("body", "drop", {"dataTransfer": data})
    assert "holds no CT" in refusal(work)
