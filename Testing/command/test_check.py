"""`lungtumorseg check` and `download` as a person runs them."""

import json
import os
import sys
from pathlib import Path

import pytest
import SimpleITK as sitk

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "volume"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "cases"))
import made_datasets as made


@pytest.fixture
def dataset(tmp_path):
    return made.decathlon(tmp_path / "data" / "Task06_Lung")


def test_a_good_dataset_is_fit_for_training(lungtumorseg, dataset):
    done = lungtumorseg("check", dataset)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Medical Segmentation Decathlon: 4 cases of 4 patients" in done.stdout
    assert "Fit for training. 0 problems that stop training, 0 warnings" in done.stdout.replace("\n", " ")


def test_a_bad_one_is_not_and_each_problem_is_a_line(lungtumorseg, dataset):
    labels = dataset / "labelsTr" / "lung_002.nii.gz"
    labels.write_bytes((dataset / "imagesTr" / "lung_002.nii.gz").read_bytes())
    empty = sitk.ReadImage(str(dataset / "labelsTr" / "lung_003.nii.gz")) * 0
    sitk.WriteImage(empty, str(dataset / "labelsTr" / "lung_003.nii.gz"))
    done = lungtumorseg("check", dataset, COLUMNS="160")
    assert done.returncode == 2
    rows = [line.split("  ")[0].strip() for line in done.stdout.splitlines() if "lung_00" in line]
    assert rows == ["lung_002", "lung_003"]
    assert "stops training" in done.stdout
    told = json.loads(lungtumorseg("check", dataset, "--json").stdout)
    assert not told["trainable"]
    assert [(p["case"], p["kind"], p["severity"]) for p in told["problems"]] == [
        ("lung_002", "copy", "stops training"),
        ("lung_003", "empty", "warning"),
    ]


def test_many_cases_with_one_problem_share_a_line(lungtumorseg, tmp_path):
    for n in range(12):
        padded = made.chest(n)
        padded[:, 0] = -2000 - n
        made.write(tmp_path / "images" / f"{n}.nii.gz", padded)
        made.write(tmp_path / "masks" / f"{n}.nii.gz", made.tumour())
    done = lungtumorseg("check", tmp_path, COLUMNS="160")
    assert done.returncode == 0
    assert done.stdout.count("padding") == 1
    assert "and 10 more" in done.stdout


def test_a_folder_of_no_layout_is_one_line(lungtumorseg, tmp_path):
    done = lungtumorseg("check", tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "nnU-Net raw" in done.stderr


def test_an_unknown_dataset_is_one_line(lungtumorseg, tmp_path):
    done = lungtumorseg("download", "msd-brain", "-o", tmp_path / "other")
    assert (done.returncode, done.stderr) == (2, "lungtumorseg: There is no dataset msd-brain: choose from msd-lung.\n")
    assert not (tmp_path / "other").exists()


def test_a_name_that_is_not_utf_8_is_one_line_of_the_report(lungtumorseg, tmp_path):
    folder = made.paired_folders(tmp_path / "data")
    image, mask = (next((folder / side).glob("LIDC-IDRI-0002_a*")) for side in ("images", "masks"))
    odd = image.with_name(os.fsdecode(b"M\xfcller.nrrd"))
    try:
        image.rename(odd)
    except (OSError, UnicodeError):
        pytest.skip("this system's file names are UTF-8")
    mask.rename(mask.with_name(odd.name))
    done = lungtumorseg("check", folder)
    assert (done.returncode, done.stderr) == (2, "")
    assert r"M\udcfcller" in done.stdout
    assert "The file's name is not UTF-8" in done.stdout
    assert "3 cases" in done.stdout
    told = json.loads(lungtumorseg("check", folder, "--json").stdout)
    (problem,) = [problem for problem in told["problems"] if problem["severity"] == "stops training"]
    assert (problem["what"], problem["advice"]) == ("The file's name is not UTF-8", "rename the file")
