"""Every problem of a dataset, planted once, is found and told; a dataset without one passes."""

import csv
import gzip
import json
import shutil
import weakref
from collections import Counter

import made_datasets as made
import numpy as np
import pytest
import SimpleITK as sitk

from LungTumorSegLib.cases.case import Case
from LungTumorSegLib.cases.checking import check_dataset
from LungTumorSegLib.cases.problem import STOPS, WARNING
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.training.split import part_of

LAYOUTS = (
    made.decathlon,
    made.nnunet,
    made.paired_folders,
    made.nodule_crops,
    made.scan_folders,
    made.picture_pairs,
    made.siim_acr,
    made.brats,
)


def image(folder, n=1):
    return folder / "imagesTr" / f"lung_{n:03}.nii.gz"


def label(folder, n=1):
    return folder / "labelsTr" / f"lung_{n:03}.nii.gz"


def rewrite(path, change, **geometry):
    old = sitk.ReadImage(str(path))
    made.write(path, change(sitk.GetArrayFromImage(old)), **geometry)


def cut_off(path):
    path.write_bytes(path.read_bytes()[:-12])


def flip_a_bit(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def write_sheared(path):
    """The NIfTI's sform and qform say different things; the sform is not at right angles."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[284:288] = np.float32(0.4).tobytes()  # srow_x[1]
    path.write_bytes(gzip.compress(bytes(content)))


def forget_orientation(path):
    """The NIfTI states neither qform nor sform."""
    content = bytearray(gzip.decompress(path.read_bytes()))
    content[252:256] = bytes(4)  # qform_code, sform_code
    path.write_bytes(gzip.compress(bytes(content)))


def test_datasets_without_a_problem_pass(tmp_path):
    for make in LAYOUTS:
        report = check_dataset(make(tmp_path / make.__name__))
        told = [problem for problem in report.problems if problem.kind != "empty"]  # one X-ray has no target
        assert told == [], make.__name__
        assert not report.stops
        assert sum(report.parts.values()) == len(report.dataset.cases)


def test_dicom_passes_with_a_remark_at_most(tmp_path):
    report = check_dataset(made.dicom_folders(tmp_path / "data"))
    assert not report.stops
    assert [case.mask.name for case in report.dataset.cases] == ["rs.dcm", "seg.dcm"]


# what is planted in a Decathlon dataset -> kind, severity, words of the line
PLANTED = {
    "mask moved by a voxel": (
        lambda d: rewrite(label(d), lambda v: v, origin=(-9.25, -20, 30)),
        ("grid", STOPS, "mm away from the CT's grid"),
    ),
    "mask of another size": (
        lambda d: rewrite(label(d), lambda v: v[:-1]),
        ("grid", STOPS, "voxels, the CT"),
    ),
    "image cut off": (lambda d: cut_off(image(d)), ("image", STOPS, "cut off")),
    "image with a flipped bit": (lambda d: flip_a_bit(image(d)), ("image", STOPS, "damaged")),
    "image that is no image": (lambda d: image(d).write_bytes(b"hello"), ("image", STOPS, "not a NIfTI")),
    "mask cut off": (lambda d: cut_off(label(d)), ("mask", STOPS, "cut off")),
    "shear": (lambda d: write_sheared(image(d)), ("image", STOPS, "right angles")),
    "mask of probabilities": (
        lambda d: rewrite(label(d), lambda v: v * np.float32(0.7)),
        ("mask", STOPS, "not whole numbers"),
    ),
    "label of no class": (lambda d: rewrite(label(d), lambda v: v * 3), ("labels", STOPS, "Labels 3")),
    "empty mask": (lambda d: rewrite(label(d), lambda v: v * 0), ("empty", WARNING, "empty")),
    "a quarter of all voxels marked": (
        lambda d: rewrite(label(d), lambda v: (np.arange(v.size) % 4 == 0).reshape(v.shape).astype(np.uint8)),
        ("foreground", STOPS, "25.0 %"),
    ),
    "mask is the image": (lambda d: shutil.copy(image(d), label(d)), ("copy", STOPS, "copy of the image")),
    "image is the mask": (
        lambda d: rewrite(image(d), lambda v: np.int16(200) * made.tumour() - 100),
        ("copy", STOPS, "copy of the image"),
    ),
    "constant image": (lambda d: rewrite(image(d), lambda v: v * 0 - 5), ("constant", STOPS, "same value")),
    "nearly constant image": (
        lambda d: rewrite(image(d), lambda v: np.where(np.arange(v.size).reshape(v.shape) < 5, v, -5).astype(np.int16)),
        ("constant", STOPS, "same value"),
    ),
    "1024 added": (lambda d: rewrite(image(d), lambda v: v + np.int16(1024)), ("hu", STOPS, "between -1024 and 0")),
    "1024 taken away twice": (
        lambda d: rewrite(image(d), lambda v: np.maximum(v, -1000) - np.int16(1024)),
        ("hu", STOPS, "taken away twice"),
    ),
    "slices 7 mm apart": (
        lambda d: [rewrite(p, lambda v: v, spacing=(0.75, 0.75, 7)) for p in (image(d), label(d))],
        ("spacing", WARNING, "7 mm apart"),
    ),
    "single slice": (
        lambda d: [rewrite(p, lambda v: v[5:6]) for p in (image(d), label(d))],
        ("slice", WARNING, "single slice"),
    ),
    "padding": (
        lambda d: rewrite(image(d), lambda v: np.where(np.arange(32) < 2, np.int16(-3024), v)),
        ("note", WARNING, "padding"),
    ),
    "mask missing": (lambda d: label(d).unlink(), ("missing-mask", STOPS, "mask is missing")),
    "image missing": (lambda d: image(d).unlink(), ("missing-image", STOPS, "image is missing")),
    "file not listed": (
        lambda d: made.write(image(d, 8), made.chest(8)),
        ("note", WARNING, "Not listed"),
    ),
    "colours": (
        lambda d: sitk.WriteImage(
            sitk.GetImageFromArray(np.zeros((*made.SHAPE, 3), np.uint8), isVector=True), str(image(d))
        ),
        ("image", STOPS, "colours"),
    ),
    "several time points": (
        lambda d: sitk.WriteImage(
            sitk.JoinSeries([sitk.GetImageFromArray(np.stack([made.chest(n)] * 2)[n]) for n in (0, 1)]), str(image(d))
        ),
        ("image", STOPS, "time points"),
    ),
    "complex numbers": (
        lambda d: sitk.WriteImage(
            sitk.Cast(sitk.GetImageFromArray(made.chest().astype(np.float32)), sitk.sitkComplexFloat32), str(image(d))
        ),
        ("image", STOPS, "complex"),
    ),
    "voxels that are no numbers": (
        lambda d: rewrite(image(d), lambda v: np.where(np.arange(v.size).reshape(v.shape) < 3, np.float32("nan"), v)),
        ("note", WARNING, "were not numbers"),
    ),
    "no orientation stated": (
        lambda d: [forget_orientation(p) for p in (image(d), label(d))],
        ("orientation", WARNING, ""),
    ),
    "stored sagittally": (
        lambda d: [
            rewrite(p, lambda v: v.transpose(2, 0, 1), direction=[[0, 0, 1], [1, 0, 0], [0, 1, 0]])
            for p in (image(d), label(d))
        ],
        ("orientation", WARNING, "turned or mirrored"),
    ),
    "one patient in training and test": (
        lambda d: (d / "patients.csv").write_text("case,patient\nlung_001,A\nlung_002,B\nlung_003,C\nlung_004,A\n"),
        ("patient", STOPS, "One patient in train and test"),
    ),
    "a test image that is also trained on": (
        lambda d: shutil.copy(image(d), d / "imagesTs" / "lung_004.nii.gz"),
        ("duplicate", STOPS, "The same pixels in"),
    ),
}


@pytest.mark.parametrize("name", PLANTED)
def test_what_is_planted_is_found_and_nothing_else_of_its_weight(name, tmp_path):
    plant, (kind, severity, words) = PLANTED[name]
    folder = made.decathlon(tmp_path / "data")
    plant(folder)
    report = check_dataset(folder)
    found = [problem for problem in report.problems if problem.kind == kind]
    assert len(found) == 1, report.problems
    (problem,) = found
    assert problem.severity == severity
    assert words in problem.what
    assert problem.advice
    assert "\n" not in problem.what + problem.advice
    assert "lung_001" in problem.case or name == "file not listed"
    assert str(tmp_path) not in json.dumps(report.as_dict())
    assert report.stops == (severity == STOPS)
    assert [p for p in report.problems if p.severity == STOPS and p is not problem] == []


def test_the_same_pixels_are_known_again_mirrored_and_under_another_name(tmp_path):
    folder = made.decathlon(tmp_path / "data")
    mirrored = sitk.GetImageFromArray(np.ascontiguousarray(made.chest(1)[::-1]))
    mirrored.SetSpacing(made.SPACING)
    mirrored.SetOrigin((-10.0, -20.0, 30.0 + 2.5 * 9))
    mirrored.SetDirection((1, 0, 0, 0, 1, 0, 0, 0, -1))
    sitk.WriteImage(mirrored, str(image(folder, 2)))
    (folder / "patients.csv").write_text("case,patient\nlung_001,A\nlung_002,A\n")
    (found,) = [p for p in check_dataset(folder).problems if p.kind == "duplicate"]
    assert (found.severity, found.what) == (WARNING, "The same pixels under two names")


def test_the_same_pixels_as_two_patients_stop_training_wherever_it_may_part_them(tmp_path):
    folder = made.decathlon(tmp_path / "data")
    shutil.copy(image(folder, 1), image(folder, 2))
    for whose, severity in (("A", STOPS), ("B", STOPS), ("lung_001", WARNING)):  # whatever the hash
        (folder / "patients.csv").write_text(f"case,patient\nlung_001,lung_001\nlung_002,{whose}\n")
        (found,) = [p for p in check_dataset(folder).problems if p.kind == "duplicate"]
        assert found.severity == severity
    split = tmp_path / "split.json"
    split.write_text(json.dumps({"train": ["lung_001", "lung_002"], "validation": ["lung_003"]}))
    assert not check_dataset(folder, split).stops


def test_of_nodule_crops_the_default_models_rule_decides_where_the_same_pixels_lie(tmp_path):
    names = [f"p{n}" for n in range(60)]
    first, second = [name for name in names if part_of(name) == "train"][:2]
    judges = next(name for name in names if part_of(name) != "train")
    folder = made.nodule_crops(tmp_path / "data")
    crops = folder / "images"
    shutil.copy(crops / "LIDC-IDRI-0001_R_1.nii.gz", crops / "LIDC-IDRI-0002_R_1.nii.gz")
    table = (folder / "nodules.csv").read_text()
    for other, severity in ((judges, STOPS), (second, WARNING)):
        (folder / "nodules.csv").write_text(
            table.replace("_1,LIDC-IDRI-0001", f"_1,{first}").replace("_1,LIDC-IDRI-0002", f"_1,{other}")
        )
        report = check_dataset(folder)
        (found,) = [p for p in report.problems if p.kind == "duplicate"]
        assert found.severity == severity
        assert report.parts == Counter(part_of(case.patient) for case in report.dataset.cases)


def test_nobody_is_announced_as_a_test_case_but_the_dataset_s_own(tmp_path):
    folder = tmp_path / "data"
    for n in range(20):  # by hash some of them would be
        made.write(folder / "images" / f"lung_{n:03}.nii.gz", made.chest(n))
        made.write(folder / "masks" / f"lung_{n:03}.nii.gz", made.tumour())
    assert "test" in {part_of(f"lung_{n:03}") for n in range(20)}
    assert check_dataset(folder).parts == {"train": 20}
    assert check_dataset(made.nnunet(tmp_path / "nnunet")).parts == {"train": 3, "test": 1}


def test_cases_that_only_a_number_tells_apart_are_not_one_patient(tmp_path):
    folder = made.nnunet(tmp_path / "data")
    for path in sorted(folder.rglob("case_*.nii.gz")):
        path.rename(path.with_name(path.name.replace("case", "lung_nodule")))
    report = check_dataset(folder)
    assert (report.patients, report.stops) == (4, False)


def test_a_given_split_is_held_to_patients_too(tmp_path):
    folder = made.paired_folders(tmp_path / "data")
    split = tmp_path / "splits_final.json"
    split.write_text(json.dumps([{"train": ["LIDC-IDRI-0001_a"], "val": ["LIDC-IDRI-0001_b", "LIDC-IDRI-0002_a"]}]))
    report = check_dataset(folder, split)
    (found,) = [p for p in report.problems if p.severity == STOPS]
    assert (found.kind, found.what) == ("patient", "One patient in train and validation")
    assert report.parts == {"train": 1, "validation": 2}
    split.write_text(json.dumps({"train": ["LIDC-IDRI-0001_a", "LIDC-IDRI-0001_b"], "test": ["LIDC-IDRI-0002_a"]}))
    assert not check_dataset(folder, split).stops


@pytest.mark.parametrize(
    "text", ["", "[1]", '{"train": ["nobody"]}', '{"learn": []}', '{"train": 3}', '{"train": [["lung_001"]]}']
)
def test_a_split_that_makes_no_sense_is_refused(text, tmp_path):
    (tmp_path / "split.json").write_text(text)
    with pytest.raises(InputRefused):
        check_dataset(made.decathlon(tmp_path / "data"), tmp_path / "split.json")


def test_channels_must_be_there_and_on_one_grid(tmp_path):
    folder = made.brats(tmp_path / "data")
    (folder / "BraTS19_001" / "BraTS19_001_t2.mha").unlink()
    rewrite(folder / "BraTS19_002" / "BraTS19_002_t2.mha", lambda v: v, origin=(0, 0, 0))
    stops = {(p.case, p.kind): p for p in check_dataset(folder).problems if p.severity == STOPS}
    assert set(stops) == {("BraTS19_001", "channels"), ("BraTS19_002", "grid")}
    assert "3 of 4 channels" in stops["BraTS19_001", "channels"].what


def test_a_label_that_copies_any_channel_is_found(tmp_path):
    """It happened to a published project, whose labels were its input."""
    folder = made.brats(tmp_path / "data")
    labels = sitk.GetArrayFromImage(sitk.ReadImage(str(folder / "BraTS19_001" / "BraTS19_001_seg.mha")))
    made.write(folder / "BraTS19_001" / "BraTS19_001_flair.mha", labels.astype(np.int16) * 100)
    (found,) = [p for p in check_dataset(folder).problems if p.severity == STOPS]
    assert (found.case, found.kind) == ("BraTS19_001", "copy")


def test_more_votes_than_readers_are_found(tmp_path):
    folder = made.nodule_crops(tmp_path / "data")
    rewrite(folder / "reader_votes" / "LIDC-IDRI-0002_R_1.nii.gz", lambda v: v * 2)
    (found,) = [p for p in check_dataset(folder).problems if p.severity == STOPS]
    assert (found.kind, found.what) == ("labels", "6 votes in a voxel, but 4 readers")


def test_bad_pictures_are_found(tmp_path):
    folder = made.picture_pairs(tmp_path / "data")
    flip_a_bit(folder / "images" / "x1.png")
    made.write_picture(folder / "masks" / "x2_mask.png", np.ones((40, 35), np.uint8))
    made.write_picture(folder / "masks" / "x3_mask.png", np.full((40, 36), 7, np.uint8))
    made.write_picture(folder / "masks" / "x4_mask.png", np.zeros((40, 36), np.uint8))
    found = {(p.case, p.kind) for p in check_dataset(folder).problems if p.severity == STOPS}
    assert found >= {("x1", "image"), ("x2", "grid"), ("x3", "labels"), ("x4", "missing-image")}


def test_run_lengths_that_do_not_fit_and_pictures_that_are_not_there_are_found(tmp_path):
    folder = made.siim_acr(tmp_path / "data")
    with (folder / "train-rle.csv").open("a") as lines:
        lines.write("1.2.2, 1 9999\n1.2.9, -1\n")
    found = {(p.case, p.kind) for p in check_dataset(folder).problems if p.severity == STOPS}
    assert found == {("1.2.2", "mask"), ("1.2.9", "missing-image")}


def test_dicom_without_one_clear_mask_is_told(tmp_path):
    folder = made.dicom_folders(tmp_path / "data")
    shutil.copy(folder / "second" / "seg.dcm", folder / "second" / "again.dcm")
    shutil.copy(folder / "second" / "seg.dcm", folder / "first" / "rs.dcm")
    found = {(p.case, p.kind) for p in check_dataset(folder).problems if p.severity == STOPS}
    assert found == {("second", "mask")}


def test_voxels_of_one_case_are_gone_when_the_next_is_read(tmp_path, monkeypatch):
    folder = made.brats(tmp_path / "data")
    read, seen, alive = Case.read_channel, [], []

    def watched(case, channel):
        volume = read(case, channel)
        seen.append(weakref.ref(volume.voxels))
        return volume

    monkeypatch.setattr(Case, "read_channel", watched)
    check_dataset(folder, progress=lambda done, of: alive.append(sum(ref() is not None for ref in seen)))
    assert len(seen) == 12
    assert alive == [0, 0, 0]


def test_real_crops_of_nodules_pass(shared_data):
    """All are listed; every 32nd is read, since all 793 take a minute."""
    from LungTumorSegLib.cases.case_check import check_case
    from LungTumorSegLib.cases.layouts import read_dataset

    dataset = read_dataset(shared_data / "lidc-nodules")
    with (shared_data / "lidc-nodules" / "nodules.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [case.name for case in dataset.cases] == [row["id"] for row in rows]
    assert not dataset.problems
    for case in dataset.cases[::32]:
        problems, trace = check_case(case, dataset)
        assert [p for p in problems if p.severity == STOPS] == []
        assert trace.pixels


def test_a_real_structure_set_is_the_clinic_s_outline(shared_data):
    report = check_dataset(shared_data / "dicom")
    assert not report.stops
    (case,) = report.dataset.cases
    _voxels, labels, geometry = case.load()
    assert labels.sum() * geometry.voxel_volume_mm3 == pytest.approx(6500, rel=0.02)  # 6.5 mL in the data's README
