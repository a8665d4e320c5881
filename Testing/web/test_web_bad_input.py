"""What people drop on a page that is no CT: one line says so, and the session goes on."""

import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from browsing import choose, open_ct, refusal, said, segment

sys.path.append(str(Path(__file__).resolve().parents[1] / "volume"))
from small_scans import write_series, write_structure_set

PUT = """async (files) => {
  const entries = files.map(([path, text]) => ({path, file: new File([text], path.split('/').pop())}));
  await window.lungTumorSeg.send(entries);
}"""


def scan(**kinds) -> sitk.Image:
    return sitk.GetImageFromArray(np.full((12, 40, 40), -800, np.int16), **kinds)


def text_renamed(folder):
    file = folder / "patient.nii.gz"
    file.write_text("Dear colleague, the scan is attached.")
    return file


def cut_off(folder):
    file = folder / "ct.nii.gz"
    noise = np.random.default_rng(0).integers(-900, -700, (12, 40, 40)).astype(np.int16)
    sitk.WriteImage(sitk.GetImageFromArray(noise), str(file))
    file.write_bytes(file.read_bytes()[:9000])
    return file


def in_colour(folder):
    sitk.WriteImage(
        sitk.GetImageFromArray(np.zeros((12, 40, 40, 3), np.uint8), isVector=True), str(folder / "colour.nrrd")
    )
    return folder / "colour.nrrd"


def flat(folder):
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((40, 40), np.int16)), str(folder / "flat.nii.gz"))
    return folder / "flat.nii.gz"


def empty_file(folder):
    (folder / "empty.nii").touch()
    return folder / "empty.nii"


def a_photograph(folder):
    sitk.WriteImage(sitk.GetImageFromArray(np.zeros((40, 40), np.uint8)), str(folder / "photo.png"))
    return folder / "photo.png"


def a_structure_set(folder):
    (folder / "plan").mkdir()
    write_structure_set(folder / "plan" / "rs.dcm")
    return folder / "plan"


def notes_alone(folder):
    (folder / "notes").mkdir()
    (folder / "notes" / "README.txt").write_text("no images")
    return folder / "notes"


def two_scans(folder):
    (folder / "both").mkdir()
    for name in ("one", "two"):
        sitk.WriteImage(scan(), str(folder / "both" / f"{name}.nii.gz"))
    return folder / "both"


def a_slice_missing(folder):
    files = write_series(folder / "series", np.full((12, 40, 40), -800, np.int16))
    files[5].unlink()
    return folder / "series"


@pytest.fixture(scope="module")
def work(long_page, ct_file):
    return segment(open_ct(long_page, ct_file))


KINDS = (
    text_renamed, cut_off, in_colour, flat, empty_file, a_photograph, a_structure_set, notes_alone, two_scans,
    a_slice_missing,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_it_is_refused_in_one_line_and_the_work_stays(kind, work, served, tmp_path):
    before = served.ask("voxels")
    served.ask("say", "")
    choose(work, kind(tmp_path))
    line = refusal(work)
    assert len(line) > 20
    assert "\n" not in line
    assert "Traceback" not in line
    assert "/" not in line.replace("and/or", "")
    assert "drop-" not in line
    assert served.ask("voxels") == before
    assert work.is_enabled("#segment")


def test_the_next_right_one_is_opened(work, ct_file, served):
    segment(open_ct(work, ct_file))
    assert len(served.ask("voxels")) == 2
    assert [words for words in work.wrong if "Failed to load resource" not in words] == []


def test_files_that_cannot_be_sent_are_told_of_and_can_be_sent_again(work, ct_file, served):
    served.ask("say", "")
    work.context.set_offline(True)
    work.evaluate(PUT, [["chest.nii.gz", "x"]])
    assert "could not be received" in work.inner_text(".lts-sending")
    work.context.set_offline(False)
    work.wait_for_selector("#segment:enabled")
    choose(work, ct_file)
    said(work, "Press Segment")
