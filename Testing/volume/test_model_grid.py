"""The model's grid covers the box, has the asked spacing and shares its centre."""

import numpy as np
import pytest

from LungTumorSegLib.volume.geometry import Geometry
from LungTumorSegLib.volume.model_grid import model_grid

TILTED = ((0.8, -0.6, 0.0), (0.6, 0.8, 0.0), (0.0, 0.0, 1.0))


@pytest.mark.parametrize("spacing", [(2.0, 1.0, 1.0), (None, 0.5, 0.5), (7.0, 3.0, 11.0), (None, None, None)])
def test_it_covers_the_box_and_is_centred_on_it(spacing):
    box = Geometry((11, 20, 31), (0.7, 0.8, 2.5), (5.0, -6.0, 7.0), TILTED)
    grid = model_grid(box, spacing)
    kept = box.spacing[::-1]
    assert grid.spacing[::-1] == tuple(own if mm is None else mm for mm, own in zip(spacing, kept, strict=True))
    for n, mm, own_n, own_mm in zip(grid.shape, grid.spacing[::-1], box.shape, kept, strict=True):
        assert own_n * own_mm - 1e-5 <= n * mm < own_n * own_mm + mm
    centre = [g.ijk_to_lps((np.array(g.shape[::-1]) - 1) / 2) for g in (box, grid)]
    np.testing.assert_allclose(*centre, atol=1e-9)


def test_an_extent_that_the_spacing_divides_gains_no_voxel():
    assert model_grid(Geometry((10, 10, 10), (0.1, 0.3, 0.7)), (0.35, 0.1, 0.1)).shape == (20, 30, 10)


def test_keeping_every_spacing_keeps_the_grid():
    box = Geometry((11, 20, 31), (0.7, 0.8, 2.5), (5.0, -6.0, 7.0), TILTED)
    assert model_grid(box, (None, None, None)).same_grid(box, 1e-9)
