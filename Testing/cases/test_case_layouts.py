"""Every layout is known by what lies in the folder, and its cases come out whole."""

import json

import made_datasets as made
import numpy as np
import pytest
import SimpleITK as sitk

from LungTumorSegLib.cases.layouts import LAYOUTS, read_dataset
from LungTumorSegLib.cases.leakage import same_names
from LungTumorSegLib.cases.naming import patient_of
from LungTumorSegLib.cases.problem import STOPS, WARNING
from LungTumorSegLib.errors import InputRefused

VOLUMES = (made.decathlon, made.paired_folders, made.scan_folders, made.dicom_folders)


@pytest.mark.parametrize(
    ("make", "layout", "cases", "patients"),
    [
        (made.decathlon, "Medical Segmentation Decathlon", 4, 4),
        (made.nnunet, "nnU-Net raw", 4, 4),
        (made.paired_folders, "folders of images and masks", 3, 2),
        (made.nodule_crops, "nodule crops", 3, 3),
        (made.scan_folders, "a folder a scan", 3, 2),
        (made.dicom_folders, "DICOM folders", 2, 2),
        (made.picture_pairs, "pictures and masks", 3, 3),
        (made.siim_acr, "SIIM-ACR run lengths", 2, 2),
        (made.brats, "BraTS", 3, 3),
    ],
)
def test_each_layout_is_known_by_what_lies_there_and_every_case_loads(make, layout, cases, patients, tmp_path):
    dataset = read_dataset(make(tmp_path / "data"))
    assert (dataset.layout, len(dataset.cases)) == (layout, cases)
    assert len({case.patient for case in dataset.cases}) == patients
    assert not dataset.problems
    for case in dataset.cases:
        voxels, labels, geometry = case.load()
        assert voxels.shape == (len(dataset.channels), *geometry.shape)
        assert voxels.dtype == np.int16
        if case.part != "test":
            assert labels.shape == geometry.shape
            assert labels.dtype == np.uint8
            assert {int(n) for n in np.unique(labels)} <= {0, *dataset.classes}


@pytest.mark.parametrize("make", VOLUMES)
def test_a_tumour_comes_out_where_it_was_written(make, tmp_path):
    for case in read_dataset(make(tmp_path / "data")).cases:
        voxels, labels, geometry = case.load()
        assert np.allclose(geometry.origin, made.POSITION)
        assert abs(float(voxels[0][made.BOX].mean()) - 30) < 5
        if case.has_mask:
            assert np.array_equal(labels, made.tumour())


def test_the_dataset_says_which_cases_are_for_the_test(tmp_path):
    for make in (made.decathlon, made.nnunet):
        cases = read_dataset(make(tmp_path / make.__name__)).cases
        assert [case.part for case in cases] == ["train"] * 3 + ["test"]
        assert [case.has_mask for case in cases] == [True] * 3 + [False]
        assert cases[-1].load()[1] is None


def test_channels_come_in_the_order_of_their_names(tmp_path):
    dataset = read_dataset(made.brats(tmp_path / "data"))
    assert dataset.channels == ("t1", "t1c", "t2", "flair")
    for case, first in zip(dataset.cases, (10, 20, 30), strict=True):
        voxels, labels, _ = case.load()
        assert all(np.array_equal(voxels[m], made.chest(first + m) + 1000) for m in range(4))
        assert set(np.unique(labels)) == {0, 1, 2, 4}


def test_a_channel_named_ct_is_read_in_hounsfield_units_and_another_is_left_as_it_is(tmp_path):
    folder = made.nnunet(tmp_path / "data")
    padded = made.chest(1)
    padded[:, 0] = -2000
    for channel in ("0000", "0001"):
        made.write(folder / "imagesTr" / f"case_001_{channel}.nii.gz", padded)
    ct, other = read_dataset(folder).cases[0].load()[0]
    assert (ct.min(), other.min()) == (-1024, -2000)


def test_votes_and_readers_come_with_the_crops(tmp_path):
    case = read_dataset(made.nodule_crops(tmp_path / "data")).cases[0]
    assert case.readers == 4
    assert set(np.unique(case.read_votes().voxels)) == {0, 3}


def test_black_and_white_masks_are_one_class_and_runs_of_one_picture_one_mask(tmp_path):
    for case in read_dataset(made.picture_pairs(tmp_path / "pairs")).cases:
        voxels, labels, _ = case.load()
        assert np.array_equal(labels[0], made.spot())
        assert np.array_equal(voxels[0, 0], made.x_ray(int(case.name[-1])))
    both, none = read_dataset(made.siim_acr(tmp_path / "siim")).cases
    assert (both.patient, none.patient) == ("P1", "P2")
    assert both.load()[1].sum() == made.spot().sum() + 30
    assert not none.load()[1].any()


def test_left_and_right_lung_are_two_classes_where_the_dataset_names_them(tmp_path):
    folder = made.picture_pairs(tmp_path / "data")
    (folder / "classes.json").write_text(json.dumps({"0": "background", "1": "left lung", "2": "right lung"}))
    labels = made.spot().astype(np.uint8)
    labels[:, 8:] *= 2
    made.write_picture(folder / "masks" / "x1_mask.png", labels)
    dataset = read_dataset(folder)
    assert dataset.classes == {1: "left lung", 2: "right lung"}
    assert np.array_equal(dataset.cases[0].load()[1][0], labels)


def test_a_grey_picture_stored_in_colours_is_read_and_a_coloured_one_is_refused(tmp_path):
    folder = made.picture_pairs(tmp_path / "data")
    colours = np.repeat(made.x_ray(1)[..., None], 3, axis=2)
    write_colours(folder / "images" / "x1.png", colours)
    assert np.array_equal(read_dataset(folder).cases[0].load()[0][0, 0], made.x_ray(1))
    colours[0, 0, 1] += 1
    write_colours(folder / "images" / "x1.png", colours)
    with pytest.raises(InputRefused, match="colour"):
        read_dataset(folder).cases[0].load()


def write_colours(path, colours):
    sitk.WriteImage(sitk.GetImageFromArray(colours, isVector=True), str(path))


@pytest.mark.parametrize("make", [made.decathlon, made.dicom_folders, made.siim_acr])
def test_a_table_of_patients_beats_the_names_and_the_headers(make, tmp_path):
    folder = make(tmp_path / "data")
    names = [case.name for case in read_dataset(folder).cases]
    write_patients(folder, *(f"{name},A" for name in names))
    dataset = read_dataset(folder)
    assert {case.patient for case in dataset.cases} == {"A"}
    assert not dataset.problems


def write_patients(folder, *rows):
    (folder / "patients.csv").write_text("\n".join(("case,patient", *rows, ",", "")))  # Excel keeps an emptied row


def test_whom_a_table_lacks_its_name_names_with_a_warning(tmp_path):
    folder = made.decathlon(tmp_path / "data")
    write_patients(folder, "lung_001,A", "lung_002,A")
    dataset = read_dataset(folder)
    assert [case.patient for case in dataset.cases] == ["A", "A", "lung_003", "lung_004"]
    assert [(p.case, p.severity, p.kind) for p in dataset.problems] == [
        ("lung_003", WARNING, "patient"),
        ("lung_004", WARNING, "patient"),
    ]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("lung_001.nii.gz,A", "names lung_001.nii.gz, which the dataset lacks: write lung_001."),
        ("imagesTr/lung_001_0000.nii.gz,A", "write lung_001."),
        ("lung_001_mask,A", "write lung_001."),
        ("lung_1,A", "write the case's name, such as lung_001, or take the row out."),
        ("lung_1,A\nlung_2,A\nlung_3,A", "names lung_1 and 2 more, which"),
        ("lung_001,B\nlung_001,A", "two patients of lung_001: leave one."),
        ("lung_001,", "a row with lung_001 alone"),
        (",A", "a row with A alone"),
    ],
)
def test_a_row_of_the_table_that_tells_of_no_case_is_refused_in_a_line_that_says_what_to_write(row, says, tmp_path):
    folder = made.decathlon(tmp_path / "data")
    write_patients(folder, row)
    with pytest.raises(InputRefused) as refused:
        read_dataset(folder)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_row_of_a_case_whose_image_is_missing_is_no_other_fault(tmp_path):
    folder = made.decathlon(tmp_path / "data")
    write_patients(folder, *(f"lung_{n:03},A" for n in (1, 2, 3, 4)))
    (folder / "imagesTr" / "lung_001.nii.gz").unlink()
    assert [problem.kind for problem in read_dataset(folder).problems] == ["missing-image"]


def test_of_nodule_crops_their_own_table_names_the_patients_and_another_is_not_passed_over_in_silence(tmp_path):
    folder = made.nodule_crops(tmp_path / "data")
    write_patients(folder, "LIDC-IDRI-0001_R_1,A")
    dataset = read_dataset(folder)
    assert dataset.cases[0].patient == "LIDC-IDRI-0001"
    assert [(p.case, p.severity) for p in dataset.problems] == [("patients.csv", WARNING)]


@pytest.mark.parametrize("row", ["LIDC-IDRI-0001_R_1,", "LIDC-IDRI-0001_R_1", ",A"])
def test_a_nodule_of_nobody_is_refused_and_an_emptied_row_passed_over(row, tmp_path):
    folder = made.nodule_crops(tmp_path / "data")
    before, table = read_dataset(folder), (folder / "nodules.csv").read_text()
    (folder / "nodules.csv").write_text(table + ",,,\n")
    assert read_dataset(folder) == before
    (folder / "nodules.csv").write_text(f"id,patient\n{row}\n")
    with pytest.raises(InputRefused, match=r"nodules\.csv has a row with [\w-]+ alone: write both id and patient\."):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("make", "table"),
    [
        (made.decathlon, "patients.csv"),
        (made.decathlon, "dataset.json"),
        (made.nodule_crops, "nodules.csv"),
        (made.siim_acr, "train-rle.csv"),
    ],
)
def test_a_table_is_read_with_the_mark_that_excel_sets_before_utf_8(make, table, tmp_path):
    folder = make(tmp_path / "data")
    write_patients(folder, *(f"{case.name},Müller" for case in read_dataset(folder).cases))
    if make is made.nodule_crops:
        (folder / "patients.csv").unlink()
    before = read_dataset(folder)
    (folder / table).write_text((folder / table).read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert read_dataset(folder) == before
    assert (before.cases[0].patient == "Müller") == (make is not made.nodule_crops)


@pytest.mark.parametrize(
    ("make", "table"),
    [(made.decathlon, "patients.csv"), (made.nodule_crops, "nodules.csv"), (made.siim_acr, "train-rle.csv")],
)
def test_a_table_is_read_with_the_semicolons_that_a_german_excel_sets(make, table, tmp_path):
    folder = make(tmp_path / "data")
    if make is made.decathlon:
        write_patients(folder, *(f"{case.name},Müller" for case in read_dataset(folder).cases))
    before = read_dataset(folder)
    (folder / table).write_text((folder / table).read_text().replace(",", ";"))
    assert read_dataset(folder) == before


@pytest.mark.parametrize(
    ("name", "patient"),
    [
        ("LIDC-IDRI-0001_R_2", "LIDC-IDRI-0001"),
        ("LUNG1-001", "LUNG1-001"),
        ("BraTS-GLI-00005-100", "BraTS-GLI-00005"),
        ("sub-01_ses-02", "sub-01"),
        ("elastix-followup-rightlung", "elastix-rightlung"),
        ("lung_001", "lung_001"),
        ("x17_slice_040", "x17"),
        ("x17_scan2_nodule_1", "x17"),
        ("lung_nodule_001", "lung_nodule_001"),
        ("lung_nodule_001_visit_2", "lung_nodule_001"),
        ("ct_scan_17", "ct_scan_17"),
        ("img_slice_3", "img_slice_3"),
    ],
)
def test_the_patient_is_read_from_usual_names(name, patient):
    assert patient_of(name) == patient


def test_a_folder_of_no_layout_is_refused_in_one_line_that_names_them_all(tmp_path):
    (tmp_path / "notes.txt").write_text("nothing here")
    with pytest.raises(InputRefused) as refused:
        read_dataset(tmp_path)
    assert "\n" not in str(refused.value)
    assert all(layout.LAYOUT in str(refused.value) for layout in LAYOUTS)
    with pytest.raises(InputRefused, match="no folder"):
        read_dataset(tmp_path / "nowhere")


@pytest.mark.parametrize("text", ["{", "[]", '{"training": [1]}', '{"training": [{"image": "../x", "label": "y"}]}'])
def test_a_broken_table_of_the_dataset_is_refused(text, tmp_path):
    folder = made.decathlon(tmp_path / "data")
    (folder / "dataset.json").write_text(text)
    with pytest.raises(InputRefused, match="mend it"):
        read_dataset(folder)


@pytest.mark.parametrize(
    ("make", "table", "text"),
    [
        (made.nnunet, "dataset.json", '{"channel_names": ["CT"]}'),
        (made.nnunet, "dataset.json", '{"channel_names": {"0": "CT"}, "labels": ["tumour"]}'),
        (made.nnunet, "dataset.json", '{"channel_names": {"0": "CT"}, "labels": {"tumour": "one"}}'),
        (made.nodule_crops, "nodules.csv", "id,patient,readers\nLIDC-IDRI-0001_R_1,A,four\n"),
        (made.nodule_crops, "nodules.csv", ""),
        (made.siim_acr, "train-rle.csv", "ImageId, EncodedPixels\n1.2.1\n"),
        (made.decathlon, "patients.csv", "name\nA\n"),
        (made.decathlon, "patients.csv", "case|patient\nlung_001|A\n"),
        (made.paired_folders, "classes.json", "[1, 2]"),
    ],
)
def test_every_broken_table_is_refused_in_one_line(make, table, text, tmp_path):
    folder = make(tmp_path / "data")
    (folder / table).write_text(text)
    with pytest.raises(InputRefused) as refused:
        read_dataset(folder)
    assert "\n" not in str(refused.value)
    assert str(tmp_path) not in str(refused.value)


def pairs_of(folder, images, masks):
    """Case -> the names of its image and mask, and the problems, of a dataset of these files."""
    for side, names in (("images", images), ("masks", masks)):
        (folder / side).mkdir(parents=True)
        for name in names:
            (folder / side / name).touch()
    dataset = read_dataset(folder)
    found = sorted((case.name, case.images[0].name, case.mask and case.mask.name) for case in dataset.cases)
    return found, [(problem.case, problem.severity, problem.what) for problem in dataset.problems]


def test_an_image_whose_name_differs_by_a_word_takes_no_other_image_s_mask(tmp_path):
    found, problems = pairs_of(tmp_path, ("a.nrrd", "a_image.nrrd", "b_ct.nrrd"), ("a.nrrd", "b_mask.nrrd"))
    assert found == [
        ("a", "a.nrrd", "a.nrrd"),
        ("a_image", "a_image.nrrd", None),
        ("b", "b_ct.nrrd", "b_mask.nrrd"),
    ]
    assert problems == [("a_image", STOPS, "The mask is missing")]
    found, problems = pairs_of(tmp_path / "masks twice", ("a.nrrd",), ("a.nrrd", "a_seg.nrrd"))
    assert found == [("a", "a.nrrd", "a.nrrd")]
    assert problems == [("a_seg", STOPS, "The image is missing")]


@pytest.mark.parametrize(
    ("images", "masks", "says"),
    [
        (("a_ct.nrrd", "a_image.nrrd"), ("a.nrrd",), "2 images are called a: a_ct.nrrd, a_image.nrrd"),
        (("a.nii.gz", "a.nrrd"), ("a.nrrd",), "2 images are called a: a.nii.gz, a.nrrd"),
        (("a.nrrd",), ("a.nii.gz", "a.nrrd"), "2 masks are called a: a.nii.gz, a.nrrd"),
        (("a_ct.nrrd",), ("a_label.nrrd", "a_mask.nrrd"), "2 masks are called a: a_label.nrrd, a_mask.nrrd"),
    ],
)
def test_where_two_files_share_a_name_nothing_is_guessed_and_no_image_is_lost(images, masks, says, tmp_path):
    found, problems = pairs_of(tmp_path, images, masks)
    assert found == [("a", image, None) for image in images]
    assert problems == [("a", STOPS, says)]
    assert same_names(read_dataset(tmp_path)) == []


@pytest.mark.parametrize(
    ("make", "file", "says"),
    [
        (made.scan_folders, "*/image", "2 files are called image: image.nii.gz, image.nrrd"),
        (made.scan_folders, "*/mask", "2 files are called mask: mask.nii.gz, mask.nrrd"),
        (made.nodule_crops, "images/*", "2 images are called {0}: {0}.nii.gz, {0}.nrrd"),
        (made.nodule_crops, "masks/*", "2 masks are called {0}: {0}.nii.gz, {0}.nrrd"),
        (made.nnunet, "imagesTr/*", "2 images are called {0}: {0}.nii.gz, {0}.nrrd"),
        (made.nnunet, "labelsTr/*", "2 masks are called {0}: {0}.nii.gz, {0}.nrrd"),
    ],
)
def test_two_files_that_differ_by_their_ending_alone_stop_training_in_every_layout(make, file, says, tmp_path):
    folder = make(tmp_path / "data")
    before = read_dataset(folder)
    path = min(folder.glob(f"{file}.n*"))
    name = path.name.split(".n")[0]
    for ending in (".nii.gz", ".nrrd"):
        (path.parent / (name + ending)).touch()
    dataset = read_dataset(folder)
    assert [case.name for case in dataset.cases] == [case.name for case in before.cases]
    (problem,) = [problem for problem in dataset.problems if problem not in before.problems]
    assert (problem.severity, problem.what) == (STOPS, says.format(name))
