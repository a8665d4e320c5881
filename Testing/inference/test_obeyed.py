"""Clicks that are obeyed."""

import numpy as np
import torch

from LungTumorSegLib.inference.clicks import OBEYED_LOGIT, obeyed

NOWHERE = np.zeros((0, 3))


def test_points_that_the_network_obeyed_change_nothing():
    logits = torch.full((8, 8, 8), -3.0)
    logits[2:6, 2:6, 2:6] = 3.0
    inside, outside = np.array([[3.0, 3.0, 3.0]]), np.array([[0.0, 1.0, 1.0]])
    assert torch.equal(obeyed(logits, inside, outside, 0.5), logits)
    assert torch.equal(obeyed(logits, NOWHERE, NOWHERE, 0.5), logits)


def test_a_disobeyed_point_comes_to_lie_on_its_side_of_the_threshold_and_the_obeyed_ones_stay():
    logits = torch.full((16, 16, 16), -4.0)
    logits[:, :, 8:] = 4.0
    inside, outside = np.array([[8.0, 8.0, 6.0], [8.0, 8.0, 9.0]]), np.array([[8.0, 8.0, 3.0], [4.0, 8.0, 10.0]])
    for threshold in (0.2, 0.5, 0.9):
        border = np.log(threshold / (1 - threshold))
        after = obeyed(logits, inside, outside, threshold)
        assert np.isclose(after[8, 8, 6], border + OBEYED_LOGIT, atol=0.05)
        assert np.isclose(after[4, 8, 10], border - OBEYED_LOGIT, atol=0.05)
        assert np.isclose(after[8, 8, 9], max(4.0, border + OBEYED_LOGIT), atol=0.05)
        assert np.isclose(after[8, 8, 3], -4.0, atol=0.05)
        assert torch.allclose(after[15], logits[15], atol=0.3)
    assert logits.unique().tolist() == [-4.0, 4.0]


def test_the_highest_threshold_that_may_be_chosen_ends_in_numbers():
    logits, here = torch.zeros(8, 8, 8), np.array([[3.0, 3.0, 3.0]])
    for threshold in (1e-12, 1.0):
        assert obeyed(logits, here, NOWHERE, threshold).isfinite().all()
        assert obeyed(logits, NOWHERE, here, threshold).isfinite().all()


def test_points_beyond_the_window_are_left_alone_and_a_contradiction_ends_in_numbers():
    logits = torch.zeros(8, 8, 8)
    far = np.array([[-1.0, 2.0, 2.0], [3.0, 9.0, 3.0]])
    assert torch.equal(obeyed(logits, far, far, 0.5), logits)
    here = np.array([[3.0, 3.0, 3.0]])
    assert obeyed(logits, here, here, 0.5).abs().max() < 1
