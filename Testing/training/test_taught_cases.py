"""Which cases a run teaches: known again by the files that they lie in, and the same when it is resumed."""

import hashlib
import json

import numpy as np
import pytest
import SimpleITK as sitk
from made_cases import ball, make_cases

from LungTumorSegLib.cases.case import Case
from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.training.prepared import case_digest
from LungTumorSegLib.training.recipe_file import read_recipe
from LungTumorSegLib.training.taught import IMAGES, image_digest
from LungTumorSegLib.training.teaching import of_cases
from LungTumorSegLib.training.watching import unheard

SETTINGS = ["data.window=[16,16]", "data.spacing_mm=['own','own','own']", "data.validation_share=0.25"]


def taught(data, folder):
    return of_cases(read_recipe("energy-efficient-enet", SETTINGS), read_dataset(data), folder, unheard)


def write(path, array):
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(array), str(path))


def with_headers_alone(folder, ending, patients=8):
    """A folder a scan, all headers alike: whatever tells the scans apart lies beside them."""
    for number in range(patients):
        for kind, array in zip(("image", "mask"), ball(number), strict=True):
            write(folder / f"P{number}" / f"{kind}.{ending}", array)
    return folder


def in_slices(folder, kind, array, say):
    """image.mhd of a file a slice; `say` names them in the header."""
    for k, layer in enumerate(array):
        (folder / f"{kind}{k}.raw").write_bytes(layer.tobytes())
    element = {"i": "MET_SHORT", "u": "MET_UCHAR"}[array.dtype.kind]
    k, j, i = array.shape
    (folder / f"{kind}.mhd").write_text(
        f"ObjectType = Image\nNDims = 3\nDimSize = {i} {j} {k}\nElementSpacing = 1 1 1\nElementType = {element}\n"
        f"ElementByteOrderMSB = False\nElementDataFile = {say}\n"
    )


@pytest.mark.parametrize("ending", ["mhd", "nhdr"])
def test_cases_whose_voxels_lie_beside_their_headers_are_told_apart_and_all_named_on_the_card(ending, tmp_path):
    data = with_headers_alone(tmp_path / "data", ending)
    cases = read_dataset(data).cases
    assert len({image_digest(case) for case in cases}) == len({case_digest(case) for case in cases}) == len(cases)
    teaching = taught(data, tmp_path / "prepared")
    patients = {case.patient for case in teaching.training.cases}
    assert len(patients) == 6
    assert teaching.facts[IMAGES] == sorted(image_digest(case) for case in cases if case.patient in patients)


def test_a_mask_mended_beside_its_header_is_prepared_anew(tmp_path):
    data = with_headers_alone(tmp_path / "data", "mhd", 4)
    before = taught(data, tmp_path / "prepared")
    mended = np.ones((20, 20, 20), np.uint8)
    mended[:2] = 0
    for case in data.iterdir():
        write(case / "mask.mhd", mended)
    after = taught(data, tmp_path / "prepared")
    assert after.facts["data_sha256"] != before.facts["data_sha256"]
    everything = (slice(None),) * 3
    assert np.array_equal(after.training.cases[0].labels(everything), mended)


def test_a_scan_beside_its_header_is_known_again_under_another_name(tmp_path):
    first = read_dataset(with_headers_alone(tmp_path / "data", "mhd", 2)).cases[0]
    write(tmp_path / "other" / "A" / "somebody.mhd", ball(0)[0])
    header = tmp_path / "other" / "A" / "somebody.mhd"
    header.rename(header.with_name("image.mhd"))  # it goes on naming somebody.raw
    (again,) = read_dataset(tmp_path / "other").cases
    assert image_digest(again) == image_digest(first)


@pytest.mark.parametrize("say", ["LIST\n{names}", "{kind}%d.raw 0 19 1"], ids=["list", "pattern"])
def test_voxels_in_a_file_a_slice_count_too(say, tmp_path):
    for number in (0, 1):
        (tmp_path / "data" / f"P{number}").mkdir(parents=True)
        for kind, array in zip(("image", "mask"), ball(number), strict=True):
            names = "\n".join(f"{kind}{k}.raw" for k in range(len(array)))
            in_slices(tmp_path / "data" / f"P{number}", kind, array, say.format(names=names, kind=kind))
    first, second = read_dataset(tmp_path / "data").cases
    assert np.array_equal(first.load()[0][0], ball(0)[0])
    assert image_digest(first) != image_digest(second)
    assert case_digest(first) != case_digest(second)
    (tmp_path / "data" / "P0" / "image7.raw").unlink()
    with pytest.raises(InputRefused, match="case P0: "):
        case_digest(first)


def test_a_dicom_scan_that_is_outlined_anew_is_the_same_scan_and_another_case(tmp_path):
    for name, outline in (("slice.dcm", b"ct"), ("outline.dcm", b"first")):
        (tmp_path / name).write_bytes(outline)
    case = Case("A", "P", (tmp_path,), tmp_path / "outline.dcm")
    image, whole = image_digest(case), case_digest(case)
    (tmp_path / "outline.dcm").write_bytes(b"second")
    assert image_digest(case) == image
    assert case_digest(case) != whole
    (tmp_path / "slice.dcm").write_bytes(b"another ct")
    assert image_digest(case) != image


def test_the_digests_of_whole_files_are_as_on_the_cards_that_there_are(tmp_path):
    (case, *_others) = read_dataset(make_cases(tmp_path / "data", 1)).cases
    image, mask = (hashlib.sha256(path.read_bytes()).digest() for path in (case.images[0], case.mask))
    assert image_digest(case) == hashlib.sha256(image).hexdigest()
    assert case_digest(case) == hashlib.sha256(image + mask + json.dumps([None, None]).encode()).hexdigest()
    write(tmp_path / "whole" / "A" / "image.nrrd", ball(0)[0])
    write(tmp_path / "whole" / "B" / "image.mha", ball(0)[0])
    for whole in read_dataset(tmp_path / "whole").cases:
        assert image_digest(whole) == hashlib.sha256(hashlib.sha256(whole.images[0].read_bytes()).digest()).hexdigest()
