from dataclasses import replace

import pytest
import torch

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.training.learner import loss_of
from LungTumorSegLib.training.loss import known_loss
from LungTumorSegLib.training.recipe_file import read_recipe


def test_voxels_that_nobody_knows_have_no_gradient():
    logits = torch.randn(2, 1, 4, 4, 4, requires_grad=True)
    target = (torch.rand(2, 1, 4, 4, 4) > 0.5).float()
    known = torch.ones_like(target)
    known[:, :, :2] = 0
    known_loss(logits, target, known, entropy=5.0, dice=1.0).backward()
    assert logits.grad[:, :, :2].abs().max() == 0
    assert logits.grad[:, :, 2:].abs().min() > 0


def test_the_loss_is_nothing_for_a_perfect_answer_and_finite_where_nothing_is_known():
    target = (torch.rand(2, 1, 8, 8) > 0.5).float()
    everywhere = torch.ones_like(target)
    assert known_loss((target * 2 - 1) * 30, target, everywhere, entropy=5.0, dice=1.0) < 1e-3
    assert torch.isfinite(known_loss(torch.randn_like(target), target, everywhere * 0, entropy=5.0, dice=1.0))


def test_as_many_channels_as_there_are_weigh_as_one():
    logits, target = torch.randn(2, 1, 4, 4, 4), (torch.rand(2, 1, 4, 4, 4) > 0.5).float()
    known = (torch.rand(2, 1, 4, 4, 4) > 0.2).float()
    alone = known_loss(logits, target, known, entropy=5.0, dice=0.0)
    thrice = known_loss(logits.repeat(1, 3, 1, 1, 1), target.repeat(1, 3, 1, 1, 1), known, entropy=5.0, dice=0.0)
    torch.testing.assert_close(thrice, alone)


def test_reader_votes_are_of_channels_that_may_overlap_alone():
    recipe = read_recipe("prompted")
    softmax = replace(recipe, data=replace(recipe.data, activation="softmax"))
    with pytest.raises(InputRefused, match="'reader-votes': works with"):
        loss_of(softmax)
