"""Boxes: parts of a volume around which all is zero."""

import numpy as np

from LungTumorSegLib.volume.box import EMPTY, Box, hull


def test_parts_are_merged_by_their_larger_value():
    a = Box((1, 2, 3), np.full((2, 2, 2), 0.5, np.float32))
    b = Box((2, 2, 3), np.full((3, 1, 1), 0.8, np.float32))
    merged = hull([a, EMPTY, b])
    values = merged.values
    assert (merged.start, values.shape) == ((1, 2, 3), (4, 2, 2))
    assert values[1, 0, 0] == np.float32(0.8)
    assert values[0, 1, 1] == np.float32(0.5)
    assert values[3, 1, 1] == 0
