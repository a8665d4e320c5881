import torch

from LungTumorSegLib.training.loss import known_loss


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
