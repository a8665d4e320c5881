"""Scans of one patient find to each other, whatever was scanned of the chest; other scans are refused."""

import numpy as np
import pytest
from moved_phantom import at, moved, true_matrix

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.response.alignment import Alignment
from LungTumorSegLib.response.lungs import lungs_of
from LungTumorSegLib.response.registration import register
from LungTumorSegLib.volume.geometry import Geometry, Volume

IN_LUNGS = [(-84, -18, 178), (83, 42, 112), (-60, 30, 90), (60, -20, 200), (-95, 10, 110), (90, 20, 160)]


def errors_mm(alignment: Alignment, truth: np.ndarray) -> np.ndarray:
    return np.linalg.norm(alignment.to_baseline(at(truth, IN_LUNGS)) - IN_LUNGS, axis=1)


def cut(scan: Volume, start, stop) -> Volume:
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    return Volume(np.ascontiguousarray(scan.voxels[box]), scan.geometry.box(start, stop))


def fit(one: Volume, other: Volume) -> Alignment:
    return register(one, lungs_of(one), other, lungs_of(other))


def test_a_turned_and_shifted_patient_on_another_grid_is_found_to_a_millimetre(chest, chest_lungs, later):
    found = register(chest, chest_lungs, later, lungs_of(later))
    assert errors_mm(found, true_matrix()).max() < 1.0
    assert found.overlap > 0.9
    assert found.surface_mm < 2.5


def test_there_and_back_is_where_one_began(chest, chest_lungs, later):
    found = register(chest, chest_lungs, later, lungs_of(later))
    np.testing.assert_allclose(found.from_baseline(found.to_baseline(IN_LUNGS)), IN_LUNGS, atol=1e-9)


def test_the_same_scan_stays_where_it_is(chest, chest_lungs):
    found = register(chest, chest_lungs, chest, chest_lungs)
    assert errors_mm(found, np.eye(4)).max() < 0.1
    assert found.overlap == 1.0
    assert found.surface_mm == 0.0


@pytest.mark.parametrize(
    ("start", "stop"),
    [
        pytest.param((0, 0, 0), (66, 150, 75), id="right half"),
        pytest.param((0, 0, 75), (66, 150, 150), id="left half"),
        pytest.param((0, 0, 0), (38, 150, 150), id="upper chest"),
        pytest.param((20, 0, 0), (66, 150, 150), id="lower chest"),
    ],
)
def test_a_part_of_the_chest_finds_its_place_in_the_whole(chest, later, start, stop):
    assert errors_mm(fit(chest, cut(later, start, stop)), true_matrix()).max() < 1.0


def test_a_sagittal_stack_is_as_good_as_an_axial_one(chest):
    shift = true_matrix((0, 0, 0), (8, 8, 8))
    grid = Geometry((94, 92, 100), (3.0, 3.0, 4.0), (-186, -130, 8), ((0, 0, 1), (1, 0, 0), (0, 1, 0)))
    assert errors_mm(fit(chest, moved(chest, shift, grid)), shift).max() < 1.0


def test_contrast_in_the_vessels_shifts_it_by_less_than_two_millimetres(chest, later):
    brighter = Volume(np.where(later.voxels > 0, later.voxels + 150, later.voxels).astype(np.int16), later.geometry)
    assert errors_mm(fit(chest, brighter), true_matrix()).max() < 2.0


def upside_down(scan: Volume) -> Volume:
    return Volume(np.ascontiguousarray(scan.voxels[::-1]), scan.geometry)


def abdomen(scan: Volume) -> Volume:
    """Soft tissue with a large bubble of gas."""
    k, j, i = np.indices((60, 90, 90))
    body = (((i - 45) / 40) ** 2 + ((j - 45) / 32) ** 2) < 1
    gas = ((i - 50) / 16) ** 2 + ((j - 40) / 14) ** 2 + ((k - 30) / 15) ** 2 < 1
    voxels = np.where(gas, -1000, np.where(body, 50, -1000)).astype(np.int16)
    return Volume(voxels, Geometry(voxels.shape, (4.0, 4.0, 4.0)))


@pytest.mark.parametrize("other", [upside_down, abdomen])
def test_what_is_no_second_look_at_these_lungs_is_refused_in_one_line(chest, other):
    with pytest.raises(InputRefused, match=r"(do not match|no common part|too little lung)") as refusal:
        fit(chest, other(chest))
    assert "\n" not in str(refusal.value)


def test_a_scan_without_lung_is_refused(chest, chest_lungs):
    head = Volume(np.full((30, 40, 40), 40, np.int16), Geometry((30, 40, 40), (4.0, 4.0, 4.0)))
    with pytest.raises(InputRefused, match="follow-up shows too little lung"):
        register(chest, chest_lungs, head, lungs_of(head))
