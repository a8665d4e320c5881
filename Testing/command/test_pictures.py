"""Flat pictures, as systems 2 and 4 read them: X-rays and PNG through segment, cohort, evaluate and export."""

import csv
import json

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk
from small_models import small_model

from LungTumorSegLib.networks.model import save_model
from LungTumorSegLib.volume.run_length import decode

ROWS, COLUMNS = 40, 48


def x_ray(seed: int) -> np.ndarray:
    return np.kron(np.random.default_rng(seed).integers(20, 220, (5, 6)), np.ones((8, 8))).astype(np.uint8)


def write(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    sitk.WriteImage(sitk.GetImageFromArray(pixels), str(path))
    return path


def write_x_ray(path, pixels):
    image = sitk.GetImageFromArray(pixels.astype(np.uint16)[None])
    image.SetSpacing((0.4, 0.4, 1.0))
    image.SetMetaData("0008|0060", "DX")
    sitk.WriteImage(image, str(path))
    return path


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "pictures"
    made = small_model(
        "UNet-Narrow",
        channels=("picture",),
        arguments={"base_filters": 4, "output_channels": 1},
        classes=("target",),
        hu_range=None,
        spacing_mm=(None, None, None),
        threshold=0.501,
    )
    save_model(folder, made.network, made.card)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A dataset of pictures and masks."""
    folder = tmp_path_factory.mktemp("data") / "pictures"
    for n in (1, 2):
        write(folder / "images" / f"film-{n}.png", x_ray(n))
        mask = np.zeros((ROWS, COLUMNS), np.uint8)
        mask[8:24, 8:24] = 255
        write(folder / "masks" / f"film-{n}.png", mask)
    return folder


@pytest.fixture(scope="module")
def cohort(lungtumorseg, model, data, tmp_path_factory):
    out = tmp_path_factory.mktemp("results") / "out"
    done = lungtumorseg("segment", data, "-o", out, "--model", model, "--smallest", 0, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    return out


def test_a_dataset_of_pictures_is_a_cohort_and_claims_no_hu(cohort, load, read_json):
    for n in (1, 2):
        mask, image = load(cohort / f"film-{n}" / "segmentation.nii.gz")
        assert mask.shape == (1, ROWS, COLUMNS)
        assert image.GetSpacing()[:2] == (1.0, 1.0)
        lesions = read_json(cohort / f"film-{n}" / "lesions.json")["lesions"]
        assert lesions
        assert all(lesion["mean_hu"] is None for lesion in lesions)
    assert any("does not state the size" in note for note in read_json(cohort / "film-1" / "run.json")["notes"])


def test_predictions_are_compared_with_masks_as_png(lungtumorseg, cohort, data, tmp_path, load):
    words = ("--predictions", cohort, "--references", data / "masks", "--images", data / "images")
    done = lungtumorseg("evaluate", *words, "-o", tmp_path / "out", "--resamples", 100)
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out" / "cases.csv").open(newline="") as lines:
        dices = {row["case"]: float(row["dice"]) for row in csv.DictReader(lines)}
    for n in (1, 2):
        found = load(cohort / f"film-{n}" / "segmentation.nii.gz")[0][0] > 0
        true = load(data / "masks" / f"film-{n}.png")[0] > 0
        assert dices[f"film-{n}"] == pytest.approx(2 * (found & true).sum() / (found.sum() + true.sum()))
        assert (tmp_path / "out" / f"case-film-{n}.png").is_file()


def test_pictures_are_not_drawn_as_a_ct_whatever_the_masks_are_kept_in(cohort, data, tmp_path):
    from LungTumorSegLib.evaluation.case_files import pair

    for references in (data / "masks", cohort):
        cases, problems = pair(cohort, references, data / "images")
        assert problems == []
        assert [case.in_hu for case in cases] == [False, False]


def test_masks_as_png_are_compared_with_each_other_and_another_size_is_refused(lungtumorseg, data, tmp_path):
    masks = data / "masks"
    done = lungtumorseg("evaluate", "--predictions", masks, "--references", masks, "-o", tmp_path / "same", "--json")
    assert done.returncode == 0, done.stderr
    assert [case["dice"] for case in json.loads(done.stdout)["cases"]] == [1.0, 1.0]
    small = tmp_path / "small"
    for n in (1, 2):
        write(small / f"film-{n}.png", np.zeros((ROWS, ROWS), np.uint8))
    done = lungtumorseg("evaluate", "--predictions", small, "--references", masks, "-o", tmp_path / "other")
    assert done.returncode == 2
    assert "the prediction has 40 x 40 pixels, the reference 48 x 40" in done.stderr


def test_an_x_ray_keeps_its_pixel_size_and_leaves_as_a_line_of_run_lengths(
    lungtumorseg, model, tmp_path, load, read_json
):
    film, out = write_x_ray(tmp_path / "1.2.840.99.dcm", x_ray(1)), tmp_path / "out"
    assert pydicom.dcmread(film).Modality == "DX"
    done = lungtumorseg("segment", film, "-o", out, "--model", model, "--smallest", 0, OMP_NUM_THREADS="1")
    assert done.returncode == 0, done.stderr
    mask, image = load(out / "segmentation.nii.gz")
    assert image.GetSpacing()[:2] == pytest.approx((0.4, 0.4))
    assert read_json(out / "run.json")["notes"] == ["no lungs were found: the whole scan is searched"]
    done = lungtumorseg("export", out)
    assert done.returncode == 0, done.stderr
    assert not (out / "export" / "report.pdf").exists()
    with (out / "export" / "rle.csv").open(newline="") as lines:
        (row,) = csv.DictReader(lines)
    assert row["ImageId"] == "1.2.840.99"
    assert np.array_equal(decode(row["EncodedPixels"], (ROWS, COLUMNS)), mask[0] > 0)


def test_a_model_of_volumes_refuses_a_picture_and_one_of_pictures_a_volume(lungtumorseg, model, data, tmp_path):
    scan = write(tmp_path / "scan.nii.gz", np.stack([x_ray(n).astype(np.int16) * 5 - 1000 for n in range(8)]))
    done = lungtumorseg("segment", data / "images" / "film-1.png", "-o", tmp_path / "out")
    assert done.returncode == 2
    assert "the model reads CT, and this is a flat picture" in done.stderr
    done = lungtumorseg("segment", scan, "-o", tmp_path / "out", "--model", model)
    assert done.returncode == 2
    assert "the model reads flat pictures, and this is a volume" in done.stderr
    assert not (tmp_path / "out").exists()
