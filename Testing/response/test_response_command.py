"""The real command on files: planted lesions of known growth, on the synthetic chest and on two dates of a patient."""

import csv
import json
import shutil
import subprocess
import sys
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from moved_phantom import at, true_matrix
from planted import plant, planted_study

from LungTumorSegLib.command.response import read_marks
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.measure import measure
from LungTumorSegLib.response.alignment import Alignment
from LungTumorSegLib.response.course import course
from LungTumorSegLib.response.lungs import lungs_of
from LungTumorSegLib.response.registration import register
from LungTumorSegLib.response.study import Study
from LungTumorSegLib.volume.reading import read_ct

LARGE, SMALL, BASAL, APICAL = (-84, -18, 178), (83, 42, 112), (-60, 40, 90), (60, -20, 205)
FIRST, SECOND = "2026-01-05", "2026-03-02"


def run(*words) -> subprocess.CompletedProcess:
    program = Path(sys.executable).with_name("lungtumorseg")
    return subprocess.run(
        [program, "response", *map(str, words)], check=False, capture_output=True, text=True, timeout=300
    )


def answer(output: Path, n: int = 1) -> str:
    return json.loads((output / "response.json").read_text())["studies"][n]["response"]


def numbers(output: Path, n: int = 1) -> dict[int, list[int]]:
    lesions = json.loads((output / "response.json").read_text())["lesions"]
    return {lesion["lesion"]: lesion["findings"][n]["numbers"] for lesion in lesions}


@pytest.fixture(scope="module")
def there(later):
    """Where a place of the baseline lies in the later scan."""
    return lambda place: tuple(at(true_matrix(), place))


@pytest.fixture(scope="module")
def before(chest, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("baseline") / "study"
    return planted_study(folder, chest, {1: (LARGE, 30), 2: (SMALL, 20)}, FIRST)


@pytest.fixture(scope="module")
def shrunk(later, there, tmp_path_factory) -> Path:
    """Both smaller, numbered the other way round."""
    folder = tmp_path_factory.mktemp("shrunk") / "study"
    return planted_study(folder, later, {1: (there(SMALL), 12), 2: (there(LARGE), 18)}, SECOND)


@pytest.fixture(scope="module")
def response(before, shrunk, tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess]:
    output = tmp_path_factory.mktemp("response") / "out"
    done = run(before, shrunk, "-o", output)
    assert done.returncode == 0, done.stderr
    return output, done


def test_shrinking_lesions_on_a_moved_patient_are_a_partial_response(response):
    output, done = response
    assert answer(output) == "PR"
    assert numbers(output) == {1: [2], 2: [1]}
    assert "partial response (PR)" in done.stdout


def test_it_writes_facts_table_plot_and_pictures(response):
    output, _ = response
    assert sorted(file.name for file in output.iterdir()) == ["pairs.png", "response.csv", "response.json", "sums.png"]
    assert all((output / name).read_bytes().startswith(b"\x89PNG") for name in ("pairs.png", "sums.png"))
    rows = list(csv.DictReader((output / "response.csv").open()))
    assert [(row["lesion"], row["study"], row["number in study"]) for row in rows] == [
        ("1", "0", "1"), ("1", "1", "2"), ("2", "0", "2"), ("2", "1", "1"),
    ]  # fmt: skip


def test_the_registration_found_the_movement(response):
    output, _ = response
    study = json.loads((output / "response.json").read_text())["studies"][1]
    fit = Alignment(np.array(study["registration"]["matrix_lps_followup_to_baseline"]))
    places = [LARGE, SMALL, BASAL, APICAL]
    assert np.linalg.norm(fit.to_baseline(at(true_matrix(), places)) - places, axis=1).max() < 1.0


def test_swapped_studies_are_refused_and_nothing_is_written(before, shrunk, tmp_path):
    done = run(shrunk, before, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "older than study 0" in done.stderr
    assert not (tmp_path / "out").exists()


def test_swapped_studies_with_swapped_dates_are_progression(before, shrunk, tmp_path):
    done = run(shrunk, before, "-o", tmp_path / "out", "--date", FIRST, "--date", SECOND)
    assert done.returncode == 0, done.stderr
    assert answer(tmp_path / "out") == "PD"


def test_the_users_word_changes_the_response(before, shrunk, tmp_path):
    done = run(before, shrunk, "-o", tmp_path / "out", "--match", "1=new", "--match", "2=missing", "--tsv")
    assert done.returncode == 0, done.stderr
    assert answer(tmp_path / "out") == "PD"
    assert "\tnot measured\t" in done.stdout


def test_several_dates_with_a_new_and_a_vanished_lesion(chest, before, shrunk, tmp_path):
    third = planted_study(tmp_path / "third", chest, {5: (LARGE, 19), 3: (APICAL, 9)}, "2026-05-04")
    done = run(before, shrunk, third, "-o", tmp_path / "out", "--irecist")
    assert done.returncode == 0, done.stderr
    assert [answer(tmp_path / "out", n) for n in (1, 2)] == ["PR", "PD"]
    assert numbers(tmp_path / "out", 2) == {1: [5], 2: [], 3: [3]}
    said = json.loads((tmp_path / "out" / "response.json").read_text())
    assert [study["irecist"] for study in said["studies"][1:]] == ["iPR", "iUPD"]


def test_neighbours_too_near_to_tell_apart_are_pointed_out(chest, later, there, tmp_path):
    pair = [np.add(BASAL, (0, -8, 0)), np.add(BASAL, (0, 8, 0))]
    one = planted_study(tmp_path / "one", chest, {1: (pair[0], 11), 2: (pair[1], 11)}, FIRST)
    between = [there(np.add(BASAL, (6, 1, 0))), there(np.add(BASAL, (-6, -1, 0)))]
    two = planted_study(tmp_path / "two", later, {1: (between[0], 11), 2: (between[1], 11)}, SECOND)
    done = run(one, two, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("another lesion is as near") >= 2
    assert "To confirm or change" in done.stdout


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["--date", "2026-01-05"], "--date is given 1 times for 2 studies"),
        (["--ignore", "3"], "--ignore 3: write STUDY:NUMBER"),
        (["--match", "1=9"], "study 1 has no lesion 9"),
    ],
)
def test_words_that_cannot_be_are_refused_in_one_line(before, tmp_path, words, line, shrunk):
    done = run(before, shrunk, "-o", tmp_path / "out", *words)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert line in done.stderr


def test_a_single_study_is_refused(before, tmp_path):
    done = run(before, "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "at least one follow-up" in done.stderr


# Two dates of one patient's right lung (elastix' test data). Places correspond by the affine transform published with
# the pair (Testing/Data/transformparameters.3DCT_lung.affine.txt, baseline to follow-up), which our registration has
# not seen; that it is right is checked by the lung masks.
CENTRE = np.array([-75.9649967928, -43.8039956112, -1274.5])
AFFINE = np.array([[1.036712, -0.00798, -0.0088], [0.021786, 1.054137, -0.008197], [0.004715, 0.003528, 1.036974]])
AFFINE_SHIFT = np.array([-4.095423, -7.386937, 35.655217])
# Of the landmarks published with the baseline (3DCT_lung_baseline_landmarks.txt), some from all parts of the lung.
LANDMARKS = np.array([
    (-65.0, 21.8, -1344.5), (-93.7, -45.2, -1279.5), (-39.1, -94.3, -1239.5), (-73.2, -1.5, -1194.5),
    (-59.6, -60.2, -1299.5), (-71.9, -75.2, -1219.5), (-52.7, 20.4, -1254.5), (-85.5, -28.8, -1324.5),
    (-67.8, -16.5, -1164.5), (-47.3, -9.7, -1154.5), (-67.8, -80.7, -1269.5), (-88.3, -23.3, -1234.5),
])  # fmt: skip
UPPER, MIDDLE, LOWER, BACK = (-71.9, -55.2, -1219.5), (-88.3, -23.3, -1254.5), (-75.0, 0.0, -1310.0), (-60, 20, -1254.5)


def published(points) -> np.ndarray:
    return (np.asarray(points, float) - CENTRE) @ AFFINE.T + CENTRE + AFFINE_SHIFT


@pytest.fixture(scope="module")
def right_lung(shared_data):
    return [read_ct(shared_data / "scans" / f"elastix-{date}-rightlung" / "image.nii.gz") for date in DATES]


DATES = ("baseline", "followup")


def test_the_published_transform_brings_lung_onto_lung(shared_data, right_lung):
    import SimpleITK as sitk

    masks = [
        sitk.ReadImage(str(shared_data / "scans" / f"elastix-{date}-rightlung" / "lung.nii.gz")) > 0 for date in DATES
    ]
    transform = sitk.AffineTransform(AFFINE.ravel().tolist(), AFFINE_SHIFT.tolist(), CENTRE.tolist())
    moved = sitk.GetArrayViewFromImage(sitk.Resample(masks[1], masks[0], transform, sitk.sitkNearestNeighbor, 0)) > 0
    lung = sitk.GetArrayViewFromImage(masks[0]) > 0
    assert 2 * np.count_nonzero(moved & lung) / (np.count_nonzero(moved) + np.count_nonzero(lung)) > 0.95


CASES = {
    "both shrink by a third": ({1: (UPPER, 30), 2: (LOWER, 24)}, {1: (LOWER, 16), 2: (UPPER, 20)}, "PR", [[2], [1]]),
    "one grows by a half": ({1: (UPPER, 20), 2: (LOWER, 16)}, {1: (UPPER, 30), 2: (LOWER, 16)}, "PD", [[1], [2]]),
    "a tenth larger": ({1: (UPPER, 30), 2: (LOWER, 24)}, {1: (UPPER, 33), 2: (LOWER, 26)}, "SD", [[1], [2]]),
    "an ellipsoid shrinks across the slices only": (
        {1: (MIDDLE, (20, 16, 30))}, {1: (MIDDLE, (20, 16, 12))}, "SD", [[1]],
    ),
    "one gone, one left": ({1: (UPPER, 20), 2: (LOWER, 12)}, {1: (LOWER, 12)}, "PR", [[], [1]]),
    "all gone": ({1: (UPPER, 20)}, {}, "CR", [[]]),
    "a new one while the old one shrinks": (
        {1: (UPPER, 30)}, {1: (BACK, 9), 2: (UPPER, 15)}, "PD", [[2], [1]],
    ),
}  # fmt: skip


BY_COMMAND = ("both shrink by a third", "one grows by a half", "a new one while the old one shrinks")


def off_mm(fit: Alignment) -> np.ndarray:
    """How far the registration puts the landmarks from where the published transform does."""
    return np.linalg.norm(fit.from_baseline(LANDMARKS) - published(LANDMARKS), axis=1)


@pytest.mark.parametrize("text", ["²=liver", "liver", "2=", "-1=liver"])
def test_an_organ_of_no_lesion_s_number_is_refused(text):
    with pytest.raises(InputRefused, match="write LESION=ORGAN"):
        read_marks([], [], [], [text], 1)


@pytest.mark.parametrize("case", BY_COMMAND)
def test_two_real_dates_with_planted_lesions_get_the_right_response(case, right_lung, tmp_path):
    before, after, expected, matched = CASES[case]
    after = {number: (published(place), size) for number, (place, size) in after.items()}
    studies = [
        planted_study(tmp_path / "before", right_lung[0], before, FIRST),
        planted_study(tmp_path / "after", right_lung[1], after, SECOND),
    ]
    done = run(*studies, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert answer(tmp_path / "out") == expected
    assert list(numbers(tmp_path / "out").values()) == matched
    fit = json.loads((tmp_path / "out" / "response.json").read_text())["studies"][1]["registration"]
    away = off_mm(Alignment(np.array(fit["matrix_lps_followup_to_baseline"])))
    print(f"{case}: {expected}; registration off by {np.median(away):.1f} mm (median), {away.max():.1f} mm at most")
    assert np.median(away) < 5
    assert away.max() < 10


@pytest.fixture(scope="module")
def real_fit(right_lung) -> Alignment:
    before, after = right_lung
    return register(before, lungs_of(before), after, lungs_of(after))


@pytest.mark.parametrize("case", [case for case in CASES if case not in BY_COMMAND])
def test_more_growth_and_shrinkage_on_the_two_real_dates(case, right_lung, real_fit):
    """As above, in this process and with one registration of the scans without lesions."""
    before, after, expected, matched = CASES[case]
    after = {number: (published(place), size) for number, (place, size) in after.items()}
    studies = []
    for scan, lesions, day, fit in zip(
        right_lung, (before, after), (FIRST, SECOND), (Alignment(), real_fit), strict=True
    ):
        found = measure(plant(scan, lesions)[1], scan.geometry)
        studies.append(Study(tuple(found), scan.geometry, date.fromisoformat(day), fit))
    found = course(studies)
    assert found.responses[1].overall == expected
    assert [list(track.findings[1].lesions) for track in found.tracks] == matched


def test_what_is_no_tumour_is_not_judged(before, shrunk, tmp_path):
    lungs = tmp_path / "lungs"
    shutil.copytree(shrunk, lungs)
    noted = json.loads((lungs / "run.json").read_text())
    (lungs / "run.json").write_text(json.dumps(noted | {"classes": ["left lung", "right lung"]}))
    done = run(before, lungs, "-o", tmp_path / "out")
    assert done.returncode == 2
    said = "Study 1: the model shows left lung, right lung, not tumours alone: RECIST judges tumours."
    assert done.stderr.strip().splitlines()[-1].endswith(said)
    assert not (tmp_path / "out").exists()
