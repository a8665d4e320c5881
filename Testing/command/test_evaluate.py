import csv
import json
import os
import re

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, shift

from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.volume.reading import read_mask
from LungTumorSegLib.volume.writing import write_volume

WRITTEN = {
    "candidates.csv", "case-near.png", "case-perfect.png", "cases.csv", "cohort.csv", "evaluation.json", "froc.csv",
    "froc.png", "lesions.csv", "summary.html", "thresholds.csv",
}  # fmt: skip


@pytest.fixture(scope="module")
def cohort(sample, tmp_path_factory):
    """Two made predictions of the sample CT: its truth, and a moved one with a lesion missed and one invented."""
    folder = tmp_path_factory.mktemp("cohort")
    truth = read_mask(sample / "truth.nii.gz")
    for part in ("predictions", "references", "images"):
        (folder / part).mkdir()
    near = truth.voxels.copy()
    near[near == 2] = 0
    probability = gaussian_filter(shift((near > 0).astype(np.float32), (0, 1, 1), order=0), (0.5, 1, 1))
    probability[60:63, 150:156, 80:86] = 0.6
    result = folder / "predictions" / "near"
    result.mkdir()
    write_volume(result / "probability.nii.gz", Volume(np.clip(probability, 0, 1), truth.geometry))
    write_volume(result / "gradcam.nii.gz", Volume(np.clip(probability * 0.8, 0, 1), truth.geometry))
    write_volume(folder / "predictions" / "perfect.nii.gz", truth)
    for name in ("near", "perfect"):
        os.symlink(sample / "truth.nii.gz", folder / "references" / f"{name}.nii.gz")
        os.symlink(sample / "ct.nii.gz", folder / "images" / f"{name}.nii.gz")
    return folder


@pytest.fixture(scope="module")
def evaluated(lungtumorseg, cohort):
    options = ["--images", cohort / "images", "-o", cohort / "out"]
    done = lungtumorseg(
        "evaluate", "--predictions", cohort / "predictions", "--references", cohort / "references", *options
    )
    assert done.returncode == 0, done.stderr
    return cohort / "out", done


def rows(path) -> list[dict]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_file_is_written_and_nothing_beside(evaluated, cohort):
    folder, _ = evaluated
    assert {path.name for path in folder.iterdir()} == WRITTEN
    assert {path.name for path in cohort.iterdir()} == {"predictions", "references", "images", "out"}


def test_the_case_table_tells_the_perfect_one_from_the_near_one(evaluated):
    near, perfect = rows(evaluated[0] / "cases.csv")
    assert (near["case"], perfect["case"]) == ("near", "perfect")
    expected = {"dice": "1.0", "hd95_mm": "0.0", "nsd": "1.0", "volume_error": "0.0", "false_positives": "0"}
    assert {name: perfect[name] for name in expected} == expected
    assert perfect["soft_dice"] == ""  # a mask alone
    assert (near["lesions"], near["found"], near["false_positives"]) == ("3", "2", "1")
    assert 0.7 < float(near["dice"]) < 1


def test_lesions_stand_one_a_line(evaluated):
    found = {(row["case"], row["lesion"]): row["found"] for row in rows(evaluated[0] / "lesions.csv")}
    assert found == {
        (case, n): "0" if (case, n) == ("near", "2") else "1" for case in ("near", "perfect") for n in "123"
    }


def test_the_cohorts_figures_are_the_same_in_json_and_csv_and_lie_in_their_intervals(evaluated):
    folder, _ = evaluated
    facts = json.loads((folder / "evaluation.json").read_text())
    dice = facts["metrics"]["dice"]["mean"]
    assert dice["low"] <= dice["value"] <= dice["high"]
    table = {(row["figure"], row["of cases"]): row for row in rows(folder / "cohort.csv")}
    assert float(table["dice", "mean"]["value"]) == dice["value"]
    assert facts["lesions"]["lesion sensitivity"]["value"] == pytest.approx(5 / 6)
    assert facts["lesions"]["false positives a scan"]["value"] == 0.5
    assert facts["froc"]["8"]["value"] == pytest.approx(5 / 6)


def test_the_terminal_names_the_number_of_cases_and_what_was_written(evaluated):
    printed = evaluated[1].stdout
    assert "2 cases of 2 patients with 6 lesions" in printed
    for words in ("Masks, case by case", "Lesions", "FROC", "CPM", "summary.html", "not a medical device"):
        assert words in printed


def test_the_page_holds_what_it_shows_and_names_no_folder(evaluated, cohort):
    page = (evaluated[0] / "summary.html").read_text()
    shown = re.findall(r'src="([^"]+)"', page)
    assert set(shown) == {"froc.png", "case-near.png", "case-perfect.png"}
    assert page.index("case-near.png") < page.index("case-perfect.png")  # the worst first
    assert "http" not in page
    assert str(cohort) not in page


def test_probabilities_bring_a_sweep_and_json_goes_to_stdout(lungtumorseg, cohort, tmp_path):
    paths = ["--predictions", cohort / "predictions" / "near", "--references", cohort / "references" / "near.nii.gz"]
    done = lungtumorseg(
        "evaluate", *paths, "--thresholds", "0.5,0.8", "--no-pictures", "--json", "-o", tmp_path / "out"
    )
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert list(facts["thresholds"]) == ["the mask", "pure probabilities", "0.5", "0.8"]
    sweep = facts["thresholds"]
    assert sweep["0.5"]["dice"]["value"] == sweep["the mask"]["dice"]["value"]
    assert sweep["0.8"]["precision"]["value"] > sweep["0.5"]["precision"]["value"]
    assert sweep["0.8"]["recall"]["value"] < sweep["0.5"]["recall"]["value"]
    assert not list((tmp_path / "out").glob("case-*.png"))


def test_a_case_that_does_not_fit_is_refused_and_nothing_is_written(lungtumorseg, cohort, tmp_path):
    references = tmp_path / "references"
    references.mkdir()
    other = Volume(
        np.ones((3, 4, 5), np.uint8), read_mask(cohort / "references" / "near.nii.gz").geometry.box((0,) * 3, (3, 4, 5))
    )
    write_volume(references / "near.nii.gz", other)
    done = lungtumorseg(
        "evaluate", "--predictions", cohort / "predictions", "--references", references, "-o", tmp_path / "out"
    )
    assert done.returncode == 2
    assert [line.split(": ")[1] for line in done.stderr.splitlines()[:2]] == ["perfect", "near"]
    assert done.stderr.splitlines()[2].startswith("lungtumorseg: nothing was evaluated: put these 2 right")
    assert not (tmp_path / "out").exists()


def test_the_shipped_models_result_on_a_real_scan_is_evaluated(lungtumorseg, shared_data, tmp_path):
    scan = shared_data / "scans" / "radphantom-pat2"
    result = tmp_path / "result"
    done = lungtumorseg("segment", scan / "image.nii.gz", "-o", result)
    assert done.returncode == 0, done.stderr
    done = lungtumorseg(
        "evaluate", "--predictions", result, "--references", scan / "mask.nii.gz", "--images", scan / "image.nii.gz",
        "-o", tmp_path / "out", "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    case = facts["cases"][0]
    written = json.loads((result / "lesions.json").read_text())["lesions"]
    assert case["volume_ml"] == pytest.approx(sum(lesion["volume_ml"] for lesion in written))
    assert case["reference_volume_ml"] == pytest.approx(6.5, abs=0.1)
    assert case["false_positives"] == sum(not row["hits"] for row in rows(tmp_path / "out" / "candidates.csv"))
    assert (tmp_path / "out" / "case-mask.png").is_file()


def test_a_name_that_is_not_utf_8_is_refused_in_one_line(lungtumorseg, sample, tmp_path):
    odd = os.fsdecode(b"M\xfcller.nii.gz")
    for side in ("predictions", "references"):
        (tmp_path / side).mkdir()
        try:
            os.symlink(sample / "truth.nii.gz", tmp_path / side / odd)
        except (OSError, UnicodeError):
            pytest.skip("this system's file names are UTF-8")
    sides = ["--predictions", tmp_path / "predictions", "--references", tmp_path / "references"]
    done = lungtumorseg("evaluate", *sides, "-o", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    assert r"M\udcfcller: The file's name is not UTF-8: rename the file." in done.stderr
    assert not (tmp_path / "out").exists()
