"""From a probability to numbered lesions, and from numbered lesions to a table."""

import csv
import json

import numpy as np
import pytest
from scipy import ndimage

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.measurement.components import find_components
from LungTumorSegLib.measurement.lesions import lesion_labels
from LungTumorSegLib.measurement.measure import CONVENTION, Lesion, measure
from LungTumorSegLib.volume.geometry import Geometry

SCAN = Geometry((20, 40, 40), (0.8, 0.8, 2.0), (-100.0, -90.0, -500.0))


def two_lesions():
    probability = np.zeros(SCAN.shape, np.float32)
    probability[4:6, 3:9, 3:9] = 0.6
    probability[10:16, 20:34, 18:30] = 0.9
    return probability


def test_components_are_those_of_scipy():
    random = np.random.default_rng(1)
    for n in range(60):
        mask = random.random(tuple(random.integers(1, 14, 3))) < random.choice([0.05, 0.2, 0.5, 1.0])
        expected, count = ndimage.label(mask, np.ones((3, 3, 3)))
        components = find_components(mask)
        painted = components.painted(np.arange(len(components.boxes)) + 1)
        assert len(components.boxes) == count, n
        pairs = np.unique(np.stack([painted[mask], expected[mask]]), axis=1)
        assert pairs.shape[1] == count
        assert np.array_equal(painted > 0, mask)
        assert np.array_equal(components.voxel_counts, np.bincount(painted[mask], minlength=count + 1)[1:])
        boxes = [[[part.start, part.stop] for part in box] for box in ndimage.find_objects(painted)]
        assert np.array_equal(components.boxes, np.array(boxes).reshape(-1, 3, 2))


def test_lesions_are_numbered_by_falling_volume():
    labels = lesion_labels(two_lesions(), SCAN, threshold=0.5)
    assert labels.dtype == np.uint16
    assert labels[12, 25, 25] == 1
    assert labels[4, 5, 5] == 2


def test_a_voxel_at_the_threshold_belongs_to_the_lesion():
    assert lesion_labels(two_lesions(), SCAN, threshold=float(np.float32(0.6))).max() == 2
    assert lesion_labels(two_lesions(), SCAN, threshold=0.61).max() == 1


def test_voxels_that_share_only_a_corner_are_one_lesion():
    mask = np.zeros((4, 8, 8), bool)
    mask[1, :4, :4] = True
    mask[2, 4:, 4:] = True
    assert lesion_labels(mask, Geometry(mask.shape, (1, 1, 1)), smallest_mm=0).max() == 1


def test_the_smallest_size_is_compared_with_the_long_axis_as_printed():
    random = np.random.default_rng(0)
    mask = ndimage.gaussian_filter(random.random((8, 30, 30)), 1) > 0.56
    for spacing in [(0.7, 0.7, 2.0), (2.0, 0.7, 0.7)]:
        geometry = Geometry(mask.shape, spacing)
        every = measure(lesion_labels(mask, geometry, smallest_mm=0), geometry)
        for smallest in (1.0, 3.0, 5.0):
            kept = measure(lesion_labels(mask, geometry, smallest_mm=smallest), geometry)
            expected = [lesion for lesion in every if lesion.long_axis_mm >= smallest]
            assert 0 < len(expected) < len(every)
            assert [lesion.voxel_count for lesion in kept] == [lesion.voxel_count for lesion in expected]


def test_the_largest_lesion_alone():
    labels = lesion_labels(two_lesions(), SCAN, largest_only=True)
    assert labels.max() == 1
    assert labels[4, 5, 5] == 0


@pytest.mark.parametrize("shape", [(0, 0, 0), (3, 4, 5)])
def test_nothing_found_is_an_ordinary_answer(shape):
    labels = lesion_labels(np.zeros(shape, np.float32), Geometry(shape, (1, 1, 1)))
    assert labels.shape == shape
    assert measure(labels, Geometry(shape, (1, 1, 1))) == []


@pytest.mark.parametrize("threshold", [0, -1, 1.5, float("nan")])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    with pytest.raises(InputRefused, match="threshold"):
        lesion_labels(two_lesions(), SCAN, threshold=threshold)


def test_the_table_holds_what_was_measured():
    probability = two_lesions()
    first, second = measure(lesion_labels(probability, SCAN), SCAN, probability)
    assert (first.id, second.id) == (1, 2)
    assert first.voxel_count == 6 * 14 * 12
    assert first.volume_ml == pytest.approx(6 * 14 * 12 * 0.8 * 0.8 * 2 / 1000)
    assert first.mean_probability == pytest.approx(0.9)
    assert second.mean_probability == pytest.approx(0.6)
    assert first.centre_lps == pytest.approx(tuple(SCAN.ijk_to_lps((23.5, 26.5, 12.5))))
    assert first.measurable
    assert not second.measurable


def test_thick_slices_ask_for_a_longer_lesion():
    mask = np.zeros((4, 30, 30), bool)
    mask[1:3, 5:21, 10] = True
    assert measure(mask, Geometry(mask.shape, (0.8, 0.8, 5.0)))[0].measurable
    assert not measure(mask, Geometry(mask.shape, (0.8, 0.8, 8.0)))[0].measurable


def test_a_box_of_the_scan_gives_the_same_lesions_as_the_whole_scan():
    probability = two_lesions()
    whole = measure(lesion_labels(probability, SCAN), SCAN, probability)
    start, stop = (3, 2, 1), (18, 38, 36)
    box = probability[3:18, 2:38, 1:36]
    geometry = SCAN.box(start, stop)
    for found, expected in zip(measure(lesion_labels(box, geometry), geometry, box, start), whole, strict=True):
        assert found.slice == expected.slice
        assert found.long_axis_mm == pytest.approx(expected.long_axis_mm, abs=1e-9)
        assert np.allclose(found.long_axis_points_lps, expected.long_axis_points_lps)
        assert np.allclose(found.short_axis_points_lps, expected.short_axis_points_lps)


def test_ids_of_painted_lesions_are_kept():
    labels = np.zeros(SCAN.shape, np.uint8)
    labels[2:4, 2:9, 2:9] = 7
    labels[8:12, 20:30, 20:30] = 3
    assert [lesion.id for lesion in measure(labels, SCAN)] == [3, 7]


def test_a_lesion_survives_json():
    [first, _] = measure(lesion_labels(two_lesions(), SCAN), SCAN, two_lesions())
    row = json.loads(json.dumps(first.as_dict()))
    wanted = "id volume_ml long_axis_mm short_axis_mm long_axis_points_lps short_axis_points_lps slice"
    assert {*wanted.split(), "max_3d_diameter_mm", "mean_probability"} <= row.keys()
    assert json.loads(json.dumps(Lesion(**row).as_dict())) == row


def test_the_convention_is_named():
    assert "voxel centres plus half a voxel" in CONVENTION


@pytest.mark.shared
def test_793_real_nodules_have_the_diameter_of_their_table(shared_data):
    """The table is rounded to 0.01 mm."""
    import SimpleITK as sitk

    folder = shared_data / "lidc-nodules"
    for row in csv.DictReader((folder / "nodules.csv").open()):
        image = sitk.ReadImage(str(folder / "masks" / f"{row['id']}.nii.gz"))
        mask = sitk.GetArrayFromImage(image) > 0
        [lesion] = measure(mask, Geometry(mask.shape, image.GetSpacing()))
        assert abs(lesion.volume_ml - float(row["volume_ml"])) < 0.0006, row["id"]
        assert abs(lesion.long_axis_mm - float(row["longest_axial_diameter_mm"])) < 0.0051, row["id"]
