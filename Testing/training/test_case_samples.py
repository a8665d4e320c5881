import json

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from made_cases import EDGE, make_cases

from LungTumorSegLib.cases.layouts import read_dataset
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.training.case_samples import CaseSamples
from LungTumorSegLib.training.prepared import FULL, prepare, split_by_patient
from LungTumorSegLib.training.recipe import Augmentation, Data, Network, Recipe, Sampling
from LungTumorSegLib.training.teaching import with_channels

PLAIN = Augmentation()
CHANGED = Augmentation(
    flip=("left-right", "front-back", "head-feet"),
    affine=1.0,
    turn_degrees=20,
    shear=0.1,
    zoom=0.1,
    shift=0.1,
    noise_chance=0.5,
    brighter_chance=0.5,
    scaled_chance=0.5,
    clahe_chance=0.5,
)


def of(network: str, window, share=1.0, changes=PLAIN, **data) -> Recipe:
    arguments = {"base_filters": 2} if network == "UNet-Narrow" else {}
    return Recipe(
        "tried",
        task="gate" if network == "XceptionGate" else "automatic",
        network=Network(network, arguments),
        data=Data(window=window, **data),
        sampling=Sampling(share),
        augmentation=changes,
    )


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return read_dataset(make_cases(tmp_path_factory.mktemp("cases"), classes=2))


@pytest.fixture(scope="module")
def prepared(dataset, tmp_path_factory):
    return prepare(dataset.cases, Data(window=(16, 16)), tmp_path_factory.mktemp("prepared"))


def test_a_prepared_case_holds_the_scan_in_the_range_and_its_labels(dataset, prepared):
    for case, made in zip(dataset.cases, prepared, strict=True):
        images, labels, _geometry = case.load()
        whole = tuple(slice(0, n) for n in made.shape)
        scaled = (images.clip(-1000, 400) + 1000) / 1400
        # Canonical order: these files run to the patient's left and back already.
        np.testing.assert_allclose(made.image(whole), scaled, atol=1 / FULL)
        np.testing.assert_array_equal(made.labels(whole), labels)
        assert all(labels[tuple(place)] for place in made.places())
        assert {place[0] for place in made.places()} == set(np.flatnonzero(labels.any((1, 2))))


def test_what_is_prepared_already_is_not_made_again_unless_the_case_has_changed(dataset, tmp_path):
    settings = Data(window=(16, 16))
    made = prepare(dataset.cases[:2], settings, tmp_path)
    before = [case.path.stat().st_mtime_ns for case in made]
    assert [case.path.stat().st_mtime_ns for case in prepare(dataset.cases[:2], settings, tmp_path)] == before
    swapped = prepare(dataset.cases[1::-1], settings, tmp_path)
    assert [case.path.stat().st_mtime_ns for case in swapped] != before
    assert [case.digest for case in swapped] == [case.digest for case in made][::-1]


def test_no_name_of_a_patient_is_in_the_prepared_files(prepared):
    for case in prepared:
        assert case.patient.encode() not in case.path.read_bytes()
        assert case.patient not in str(case.path.name)


def test_no_patient_validates_and_trains(prepared):
    for seed in range(5):
        training, validation = split_by_patient(prepared, 0.25, seed)
        assert {case.patient for case in training}.isdisjoint(case.patient for case in validation)
        assert len(training) == 6
        assert len(validation) == 2
    with pytest.raises(InputRefused, match="validation_share"):
        split_by_patient(prepared[:0], 0.25, 0)


@pytest.mark.parametrize(("network", "window"), [("UNet-Narrow", (16, 16)), ("ResidualUNet3D", (16, 16, 16))])
@pytest.mark.parametrize("changes", [PLAIN, CHANGED])
def test_a_sample_follows_from_its_number_and_nothing_else(prepared, network, window, changes):
    recipe = of(network, window, 0.5, changes, classes="each", adjacent_slices=3 if len(window) == 2 else 1)
    samples = CaseSamples(prepared, (1, 2), recipe)
    first = [samples(np.random.default_rng([0, number]), 0) for number in range(6)]
    again = [CaseSamples(prepared, (1, 2), recipe)(np.random.default_rng([0, n]), 0) for n in reversed(range(6))]
    for one, other in zip(first, reversed(again), strict=True):
        assert all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
        image, target, known = one
        assert image.shape == ((3, *window) if len(window) == 2 else (1, *window))
        assert (target.shape, known.shape) == ((2, *window), (1, *window))
        assert 0 <= image.min() <= image.max() <= 1
        assert set(target.unique().tolist()) <= {0.0, 1.0}


@pytest.mark.parametrize(("network", "window"), [("UNet-Narrow", (16, 16)), ("ResidualUNet3D", (16, 16, 16))])
def test_a_positive_window_holds_the_target_and_a_free_one_need_not(prepared, network, window):
    positive = CaseSamples(prepared, (1, 2), of(network, window))
    free = CaseSamples(prepared, (1, 2), of("UNet-Narrow", (16, 16), 0.0))
    assert all(positive(np.random.default_rng(n), 0)[1].any() for n in range(20))
    assert not all(free(np.random.default_rng(n), 0)[1].any() for n in range(20))


def test_image_and_target_are_moved_alike(prepared):
    moved = Augmentation(flip=CHANGED.flip, affine=1.0, turn_degrees=40, shear=0.2, zoom=0.2, shift=0.2)
    for network, window in (("UNet-Narrow", (16, 16)), ("ResidualUNet3D", (16, 16, 16))):
        samples = CaseSamples(prepared, (1, 2), of(network, window, changes=moved))
        for number in range(6):
            image, target, known = samples(np.random.default_rng(number), 0)
            inside, outside = (target[0] > 0) & (known[0] > 0), (target[0] == 0) & (known[0] > 0)
            if inside.any():
                assert image[0][inside].mean() > 0.55  # the ball is at 40 HU = 0.74, what lies around it at 0.11
                assert image[0][outside].mean() < 0.3


def test_beyond_a_small_case_nothing_is_known(prepared):
    recipe = of("UNet-Narrow", (32, 32))
    image, target, known = CaseSamples(prepared, (1, 2), recipe)(np.random.default_rng(0), 0)
    assert known.sum() == EDGE * EDGE
    assert not target[known == 0].any()
    assert image.shape == (1, 32, 32)


def test_softmax_has_the_background_first_and_a_gate_one_answer_a_slice(prepared):
    recipe = of("UNet-Narrow", (16, 16), 0.5, activation="softmax", classes="each")
    for number in range(8):
        target = CaseSamples(prepared, (1, 2), recipe)(np.random.default_rng(number), 0)[1]
        assert target.shape[0] == 3
        assert torch.equal(target.sum(0), torch.ones(16, 16))
    gate = CaseSamples(prepared, (1, 2), of("XceptionGate", (16, 16), 0.5))
    answers = {float(gate(np.random.default_rng(number), 0)[1]) for number in range(20)}
    assert answers == {0.0, 1.0}


def test_pictures_with_masks_are_taught_from_too(tmp_path):
    for side in ("images", "masks"):
        (tmp_path / side).mkdir()
    for number in range(4):
        rng = np.random.default_rng(number)
        mask = np.zeros((40, 48), np.uint8)
        mask[10:20, 12:30] = 255
        picture = (mask // 2 + rng.integers(0, 60, mask.shape)).astype(np.uint8)
        sitk.WriteImage(sitk.GetImageFromArray(picture), str(tmp_path / "images" / f"p{number}.png"))
        sitk.WriteImage(sitk.GetImageFromArray(mask), str(tmp_path / "masks" / f"p{number}.png"))
    dataset = read_dataset(tmp_path)
    recipe = of("UNet-Narrow", (32, 32), hu_range=None)
    made = prepare(dataset.cases, recipe.data, tmp_path / "prepared")
    assert json.dumps([case.shape for case in made]) == json.dumps([[1, 40, 48]] * 4)
    image, target, known = CaseSamples(made, tuple(dataset.classes), recipe)(np.random.default_rng(0), 0)
    assert image.shape == target.shape == known.shape == (1, 32, 32)
    assert image[target > 0].mean() > image[target == 0].mean() + 0.3
    with pytest.raises(InputRefused, match=r'no HU: --set data\.hu_range="own"'):
        with_channels(of("UNet-Narrow", (32, 32)), dataset)
    assert with_channels(of("UNet-Narrow", (32, 32), hu_range=None), dataset).network.arguments["input_channels"] == 1
