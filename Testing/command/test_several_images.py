"""Cases of several images, as BraTS has them: real processes, a real worker, a small model of random weights."""

import csv
import json

import numpy as np
import pytest
from small_models import THREE, WIDTHS, small_model

from LungTumorSegLib.cases.channels import as_read
from LungTumorSegLib.cases.cohort import find_cohort
from LungTumorSegLib.cases.scan import Scan
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.inference.session import Session
from LungTumorSegLib.networks.model import save_model
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.volume.reading import read_image
from LungTumorSegLib.volume.writing import write_volume

SEQUENCES = {"t1": "t1", "t1ce": "t1c", "t2": "t2", "flair": "flair"}  # in files' names: the channel's
GEOMETRY = Geometry((20, 32, 36), (4.0, 4.0, 4.0))


def write_case(folder, seed: int, leave_out=()):
    """Smooth noise of a sequence's own scale, and a mask."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    for scale, name in enumerate(SEQUENCES, start=1):
        coarse = rng.uniform(0, 300 * scale, (5, 8, 9)).astype(np.int16)
        if name not in leave_out:
            write_volume(
                folder / f"{folder.name}_{name}.mha", Volume(np.kron(coarse, np.ones((4, 4, 4), np.int16)), GEOMETRY)
            )
    write_volume(folder / f"{folder.name}_seg.mha", Volume(np.ones(GEOMETRY.shape, np.uint8), GEOMETRY))
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "four"
    made = small_model(
        "ResidualUNet3D-Summed",
        arguments={"input_channels": 4, "output_channels": 3, "widths": WIDTHS},
        classes=THREE,
        channels=tuple(SEQUENCES.values()),
        hu_range=None,
        threshold=0.505,
    )
    save_model(folder, made.network, made.card)
    return folder


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return write_case(tmp_path_factory.mktemp("data") / "Canary-1", 0)


def files(case):
    return [case / f"{case.name}_{name}.mha" for name in SEQUENCES]


@pytest.fixture(scope="module")
def segmented(lungtumorseg, model, case, tmp_path_factory):
    """With the images named one by one."""
    out = tmp_path_factory.mktemp("named") / "out"
    first, *others = files(case)
    words = [word for path in others for word in ("--image", path)]
    done = lungtumorseg("segment", first, "-o", out, "--model", model, *words, "--explain", OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    return out, done


def test_each_image_reaches_its_channel_of_the_network(segmented, model, case, load):
    first, *others = map(read_image, files(case))
    session = Session()
    wanted, swapped = (
        session.segment(first, model, others=images).probability.full(GEOMETRY.shape)
        for images in (others, others[::-1])
    )
    found, _ = load(segmented[0] / "probability.nii.gz")
    assert np.abs(found - np.where(wanted < 0.01, 0, wanted)).max() < 1e-5
    assert np.abs(found - swapped).max() > 1e-3
    heat, _ = load(segmented[0] / "gradcam.nii.gz")
    assert heat.max() == pytest.approx(1)


def test_the_result_says_what_it_was_made_of_and_claims_no_hu(segmented, case, read_json):
    out, done = segmented
    assert "taken for t1, t1c, t2, flair, in this order" in done.stderr
    run = read_json(out / "run.json")
    images = [read_image(path) for path in files(case)]
    assert [run["image_sha256"], *run["other_images_sha256"]] == [image.content_hash for image in images]
    assert run["channels"] == ["t1", "t1c", "t2", "flair"]
    lesions = read_json(out / "lesions.json")["lesions"]
    assert lesions
    assert all(lesion["mean_hu"] is None and lesion["side"] is None for lesion in lesions)


def test_a_result_of_mr_leaves_as_neither_a_ct_nor_lung_tumours(lungtumorseg, segmented, tmp_path, read_json):
    out, _done = segmented
    run = read_json(out / "run.json")
    assert (run["classes"], run["in_hu"]) == (list(THREE), False)
    done = lungtumorseg("export", out, "-o", tmp_path / "all")
    assert done.returncode == 0, done.stderr
    made = {"segmentation.nii.gz", "lesions.nii.gz", "segmentation.seg.nrrd", "rle.csv", "lesions.csv", "lesions.json"}
    assert {file.name for file in (tmp_path / "all").iterdir()} == made
    assert "No report: this image is no CT." in done.stderr
    done = lungtumorseg("export", out, "-o", tmp_path / "seg", "--format", "seg")
    assert done.returncode == 2
    assert "the model shows whole, core, rim, not tumours alone" in done.stderr


def test_the_folder_of_a_case_is_the_same_whatever_the_order_of_its_files(
    lungtumorseg, segmented, model, case, tmp_path, load
):
    done = lungtumorseg("segment", case, "-o", tmp_path / "out", "--model", model, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    assert "one case of 4 images (t1, t1c, t2, flair)" in done.stderr
    one, other = (load(out / "probability.nii.gz")[0] for out in (tmp_path / "out", segmented[0]))
    assert np.array_equal(one, other)


def test_too_few_images_are_refused_with_the_names_of_those_that_the_model_reads(lungtumorseg, model, case, tmp_path):
    first, second, *_ = files(case)
    done = lungtumorseg("segment", first, "--image", second, "-o", tmp_path / "out", "--model", model)
    assert done.returncode == 2
    assert "reads 4 images of a case, t1, t1c, t2, flair, not 2" in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_dataset_of_several_images_is_a_cohort_and_a_changed_image_is_done_again(lungtumorseg, model, tmp_path):
    data, out = tmp_path / "data", tmp_path / "out"
    for name, seed, leave_out in (("Canary-1", 0, ()), ("Canary-2", 1, ()), ("Canary-3", 2, ("flair",))):
        write_case(data / name, seed, leave_out)
    words = ("segment", data, "-o", out, "--model", model)
    first = lungtumorseg(*words, OMP_NUM_THREADS="1")
    assert first.returncode == 3, first.stderr
    assert "dataset (BraTS)" in first.stderr
    assert "Canary" not in first.stderr
    with (out / "cohort.csv").open(newline="") as lines:
        failed = {row["case"]: row["failure"] for row in csv.DictReader(lines) if row["failure"]}
    assert list(failed) == ["Canary-3"]
    assert "1 of its 4 images (t1, t1c, t2, flair) are missing" in failed["Canary-3"]
    before = json.loads((out / "Canary-1" / "run.json").read_text())
    changed = read_image(data / "Canary-2" / "Canary-2_t2.mha")
    write_volume(data / "Canary-2" / "Canary-2_t2.mha", Volume(changed.voxels[::-1].copy(), GEOMETRY))
    again = lungtumorseg(*words, OMP_NUM_THREADS="1")
    assert "2 of 3 scans done (1 before), 1 failed." in again.stdout
    assert json.loads((out / "Canary-1" / "run.json").read_text()) == before


def test_images_with_names_are_chosen_by_them_others_by_their_number(tmp_path):
    a, b, c = (tmp_path / name for name in "abc")
    named = Scan("case", a, others=(b, c), channels=("PET", "Ct", "MR"))
    assert as_read(named, ["CT"]).images == (b,)
    assert as_read(named, ["MR", "PET"]).images == (c, a)
    with pytest.raises(InputRefused, match=r"reads CT, T2; the case has PET, Ct, MR: add T2"):
        as_read(named, ["CT", "T2"])
    unnamed = Scan("case", a, others=(b,))
    assert as_read(unnamed, ["CT", "PET"]).channels == ("CT", "PET")
    with pytest.raises(InputRefused, match="reads one image, CT, not 2"):
        as_read(unnamed, ["CT"])
    assert as_read(Scan("case", a), ["anything"]).images == (a,)


def test_images_of_several_patients_in_one_folder_are_no_case(tmp_path):
    for name in ("one_t1", "two_t2"):
        write_volume(
            tmp_path / f"{name}.mha", Volume(np.ones((4, 4, 4), np.int16), Geometry((4, 4, 4), (1.0, 1.0, 1.0)))
        )
    cohort = find_cohort(tmp_path)
    assert cohort.case is None
    assert [scan.name for scan in cohort.scans] == ["one_t1", "two_t2"]
