"""Every way round comes to the same way round, and back, without touching a voxel."""

from itertools import permutations, product

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.volume.orientation import Orientation, canonical

ALL_48 = [Orientation(p, f) for p in permutations(range(3)) for f in product((False, True), repeat=3)]
TILTS = {"straight": (0, 0, 0), "oblique": (12, -7, 20)}


@pytest.fixture(params=TILTS, name="upright")
def _upright(request) -> Geometry:
    axes = Rotation.from_euler("xyz", TILTS[request.param], degrees=True).as_matrix()
    return Geometry((4, 5, 6), (0.7, 0.8, 2.5), (-100.5, -90.25, 33.0), axes)


@pytest.mark.parametrize(
    "stored", ALL_48, ids=lambda o: f"{o.permutation}{''.join('-' if f else '+' for f in o.flips)}"
)
def test_each_of_the_48_axis_orders_comes_back_to_the_same_view_of_the_patient(stored, upright):
    voxels = np.arange(120, dtype=np.int16).reshape(upright.shape)
    source, geometry = stored.apply(voxels), stored.geometry(upright)

    orientation = canonical(geometry)
    seen = orientation.apply(source)

    np.testing.assert_array_equal(seen, voxels)
    assert orientation.geometry(geometry).same_grid(upright, 1e-9)
    assert np.shares_memory(seen, voxels)
    np.testing.assert_array_equal(orientation.undo(seen), source)


@pytest.mark.parametrize("stored", ALL_48[::5])
def test_a_voxel_stays_at_its_place_in_the_patient(stored, upright):
    place = np.stack(np.meshgrid(*[np.arange(n) for n in upright.shape], indexing="ij")[::-1], -1)
    lps = upright.ijk_to_lps(place)
    turned, geometry = np.stack([stored.apply(lps[..., n]) for n in range(3)], -1), stored.geometry(upright)
    indices = np.stack(np.meshgrid(*[np.arange(n) for n in geometry.shape], indexing="ij")[::-1], -1)
    np.testing.assert_allclose(geometry.ijk_to_lps(indices), turned, atol=1e-9)


@pytest.mark.parametrize("stored", ALL_48)
def test_a_box_of_the_view_is_the_same_box_of_the_source(stored):
    source = np.arange(120).reshape(4, 5, 6)
    view = stored.apply(source)
    start, stop = (1, 2, 0), (3, 4, 3)
    (a, b, c), (d, e, f) = stored.source_box(start, stop, source.shape)
    inside = view[1:3, 2:4, 0:3]
    np.testing.assert_array_equal(stored.apply(source[a:d, b:e, c:f]), inside)


def test_an_axial_scan_tilted_by_44_degrees_is_left_alone():
    axes = Rotation.from_euler("x", 44, degrees=True).as_matrix()
    assert canonical(Geometry((4, 5, 6), (1, 1, 1), direction=axes)) == ((0, 1, 2), (False, False, False))
