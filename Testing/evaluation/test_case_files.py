import json

import numpy as np
import pytest

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.evaluation.case_files import pair
from LungTumorSegLib.evaluation.case_scores import Settings, load, score
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.probability_map import read_probability
from LungTumorSegLib.volume.writing import write_volume

SHAPE = (4, 10, 12)


@pytest.fixture
def place(tmp_path):
    """Writes an array as a file below the folder."""

    def write(name: str, array=None, origin=(0.0, 0.0, 0.0)):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        array = np.zeros(SHAPE, np.uint8) if array is None else array
        write_volume(path, Volume(array, Geometry(array.shape, (1.0, 1.0, 2.0), origin)))
        return path

    return write


def masked() -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[1:3, 2:6, 2:6] = 1
    return mask


def test_files_and_folders_of_one_name_are_a_case(place, tmp_path):
    place("p/a.nii.gz", masked())
    place("p/b/lesions.nii.gz", masked())
    place("p/b/probability.nii.gz", masked().astype(np.float32))
    place("p/b/gradcam.nii.gz", masked().astype(np.float32))
    (tmp_path / "p" / "b" / "run.json").write_text(json.dumps({"threshold": 0.4}))
    place("p/c.mha", masked().astype(np.float32))
    place("r/a.nrrd", masked())
    place("r/b/mask.nii.gz", masked())
    place("r/c.nii.gz", masked())
    place("i/a_0000.nii.gz", masked())
    place("i/b/image.nii.gz", masked())
    (tmp_path / "i" / "c").mkdir()  # may be a DICOM series
    (tmp_path / "p" / "notes.txt").write_text("not a case")
    cases, problems = pair(tmp_path / "p", tmp_path / "r", tmp_path / "i")
    assert problems == []
    assert [case.name for case in cases] == ["a", "b", "c"]
    a, b, c = cases
    assert (a.mask.name, a.probability) == ("a.nii.gz", None)
    assert (b.mask.name, b.probability.name, b.gradcam.name) == (
        "lesions.nii.gz",
        "probability.nii.gz",
        "gradcam.nii.gz",
    )
    assert b.threshold == 0.4
    assert (c.mask, c.probability.name) == (None, "c.mha")
    assert [case.image.name for case in cases] == ["a_0000.nii.gz", "image.nii.gz", "c"]


def test_one_result_against_one_mask_needs_no_names(place, tmp_path):
    place("result/lesions.nii.gz", masked())
    cases, problems = pair(tmp_path / "result", place("truth.nii.gz", masked()))
    assert (len(cases), problems, cases[0].name) == (1, [], "truth")


def test_every_missing_or_mismatching_case_is_one_line(place, tmp_path):
    for name in ("a", "both", "moved", "cut"):
        place(f"r/{name}.nii.gz", masked())
    place("p/both.nii.gz", masked())
    place("p/b.nii.gz", masked())
    place("p/moved.nii.gz", masked(), origin=(0.0, 0.0, 1.0))
    place("p/cut.nii.gz", masked()[:3])
    cases, problems = pair(tmp_path / "p", tmp_path / "r")
    assert [case.name for case in cases] == ["both"]
    assert problems == [
        "a: there is a reference, but no prediction of that name",
        "b: there is a prediction, but no reference of that name",
        "cut: the mask has 12 x 10 x 3 voxels, the reference 12 x 10 x 4: resample one onto the other",
        "moved: the mask has the reference's size but lies elsewhere in the patient: resample one onto the other",
    ]


def test_two_files_of_one_case_are_a_problem(place, tmp_path):
    place("p/a.nii.gz", masked())
    place("p/a.nrrd", masked())
    place("r/a.nii.gz", masked())
    _, problems = pair(tmp_path / "p", tmp_path / "r")
    assert problems == ["a: there are two of that name, a.nii.gz and a.nrrd"]


def test_an_image_that_is_missing_is_a_problem(place, tmp_path):
    place("p/a.nii.gz", masked())
    place("r/a.nii.gz", masked())
    (tmp_path / "i").mkdir()
    assert pair(tmp_path / "p", tmp_path / "r", tmp_path / "i")[1] == ["a: there is no image of that name"]


def test_folders_without_cases_are_refused(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "r").mkdir()
    with pytest.raises(InputRefused, match="There is no case"):
        pair(tmp_path / "p", tmp_path / "r")
    with pytest.raises(InputRefused, match="does not exist"):
        pair(tmp_path / "p", tmp_path / "nowhere")


def test_logits_are_refused_as_probabilities(place):
    with pytest.raises(InputRefused, match="sigmoid"):
        read_probability(place("p/a.nii.gz", np.linspace(-3, 3, np.prod(SHAPE), dtype=np.float32).reshape(SHAPE)))


def test_the_mask_as_written_counts_unless_a_threshold_is_given(place, tmp_path):
    probability = masked() * np.float32(0.6)
    probability[1:3, 2:6, 2:4] = 0.9
    written = masked()
    written[1] = 0
    place("p/a/lesions.nii.gz", written)
    place("p/a/probability.nii.gz", probability)
    place("r/a.nii.gz", masked())
    (case,), _ = pair(tmp_path / "p", tmp_path / "r")
    assert score(load(case, Settings()), Settings()).metrics["recall"] == 0.5
    asked = Settings(threshold=0.55)
    assert score(load(case, asked), asked).metrics["recall"] == 1
    swept = score(load(case, Settings()), Settings(thresholds=(0.5, 0.8))).counts
    assert [swept[name].recall for name in ("0.5", "0.8")] == [1, 0.5]
    assert swept["pure probabilities"].recall == pytest.approx((0.6 + 0.9) / 2, rel=1e-6)


def test_a_probability_alone_is_cut_where_its_run_says(place, tmp_path):
    place("p/a/probability.nii.gz", masked() * np.float32(0.4))
    place("r/a.nii.gz", masked())
    (case,), _ = pair(tmp_path / "p", tmp_path / "r")
    assert score(load(case, Settings()), Settings()).metrics["recall"] == 0
    (tmp_path / "p" / "a" / "run.json").write_text('{"threshold": 0.3}')
    (case,), _ = pair(tmp_path / "p", tmp_path / "r")
    assert score(load(case, Settings()), Settings()).metrics["recall"] == 1


@pytest.mark.parametrize(
    "wrong", [{"thresholds": (0.5, 1.5)}, {"threshold": 0.0}, {"tolerance_mm": -1.0}, {"overlap": 1.0}]
)
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputRefused):
        Settings(**wrong)
