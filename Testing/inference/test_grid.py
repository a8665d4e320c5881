"""There and back between a scan and a network's grid."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from LungTumorSegLib.inference.grid import network_grid, to_network, to_scan
from LungTumorSegLib.volume.geometry import Geometry

ANGLE = np.deg2rad(20)
OBLIQUE = ((np.cos(ANGLE), -np.sin(ANGLE), 0), (np.sin(ANGLE), np.cos(ANGLE), 0), (0, 0, 1))


def oblique(shape=(21, 30, 34), spacing=(0.9, 0.8, 2.5)) -> Geometry:
    return Geometry(shape, spacing, (-31.0, 17.0, 400.0), OBLIQUE)


def world_ramp(geometry: Geometry) -> np.ndarray:
    """A function that linear resampling keeps exactly: linear in the patient's coordinates."""
    index = np.stack(np.meshgrid(*[np.arange(n) for n in geometry.shape], indexing="ij"), -1)[..., ::-1]
    return (geometry.ijk_to_lps(index) @ [1.0, 2.0, 3.0]).astype(np.float32)


def test_an_oblique_scan_lands_where_it_lies_in_the_patient():
    scan = oblique()
    grid = network_grid(scan.box((3, 4, 5), (17, 25, 29)), (2.0, 1.3, 1.1), (1, 8, 8))
    assert grid.shape[1] % 8 == grid.shape[2] % 8 == 0
    image = to_network(world_ramp(scan), scan, grid, (-5000, 5000)) * 10000 - 5000
    at = grid.lps_to_ijk(scan.ijk_to_lps([0, 0, 0]))[::-1], grid.lps_to_ijk(scan.ijk_to_lps([33, 29, 20]))[::-1]
    inner = tuple(slice(max(0, int(np.ceil(a))), int(b) + 1) for a, b in zip(*at, strict=True))
    assert np.abs(image.numpy() - world_ramp(grid))[inner].max() < 0.02


def test_beyond_the_scan_its_edge_goes_on():
    scan = Geometry((4, 4, 4), (1, 1, 1))
    grid = Geometry((10, 4, 4), (1, 1, 1), (0, 0, -3))
    voxels = np.arange(4, dtype=np.int16)[:, None, None] * np.ones((4, 4), np.int16)
    image = to_network(voxels, scan, grid, (0, 3)) * 3
    assert np.allclose(image[:, 0, 0], [0, 0, 0, 0, 1, 2, 3, 3, 3, 3])


def test_it_equals_scipys_linear_interpolation_for_any_strides():
    scan = oblique()
    voxels = np.random.default_rng(0).integers(-1000, 400, scan.shape).astype(np.int16)
    flipped = np.asfortranarray(voxels[::-1])[::-1]
    grid = network_grid(scan, (1.7, 1.2, 0.5), (8, 8, 8))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), -1)[..., ::-1]
    at = np.moveaxis(scan.lps_to_ijk(grid.ijk_to_lps(index))[..., ::-1], -1, 0)
    wanted = ndimage.map_coordinates(voxels.astype(float), at, order=1, mode="nearest")
    image = to_network(flipped, scan, grid, (-1000, 400)) * 1400 - 1000
    assert np.abs(image.numpy() - wanted).max() < 0.01


def test_the_same_grid_comes_back_bit_by_bit_and_only_its_box():
    scan = oblique()
    probability = torch.zeros(scan.shape)
    probability[4:9, 11:13, 20:31] = 0.7
    probability[15, 20, 3] = 0.0099  # too faint to be stored
    start, values = to_scan(probability, scan, scan)
    assert start == (4, 11, 20)
    assert values.shape == (5, 2, 11)
    assert (values == np.float32(0.7)).all()


def test_a_blob_keeps_its_place_and_size_on_the_way_back():
    scan = oblique((40, 60, 60), (1.0, 1.0, 1.5))
    centre = scan.ijk_to_lps([31.0, 24.0, 19.0])
    grid = network_grid(scan.box((5, 5, 5), (35, 50, 55)), (1.2, 1.1, 0.9), (1, 1, 1))
    index = np.stack(np.meshgrid(*[np.arange(n) for n in grid.shape], indexing="ij"), -1)[..., ::-1]
    distance = np.linalg.norm(grid.ijk_to_lps(index) - centre, axis=-1)
    start, values = to_scan(torch.from_numpy(np.clip((13 - distance) / 2, 0, 1)).float(), grid, scan)
    found = np.argwhere(values >= 0.5) + start
    assert np.linalg.norm(scan.ijk_to_lps(found.mean(0)[::-1]) - centre) < 0.05
    radius = (len(found) * scan.voxel_volume_mm3 * 3 / 4 / np.pi) ** (1 / 3)
    assert radius == pytest.approx(12, abs=0.1)


def test_nothing_found_is_an_empty_box():
    scan = oblique()
    start, values = to_scan(torch.full(scan.shape, 0.005), scan, scan)
    assert start == (0, 0, 0)
    assert values.shape == (0, 0, 0)
