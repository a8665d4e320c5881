"""The loss where the truth is known."""

from __future__ import annotations

import torch
from torch.nn.functional import binary_cross_entropy_with_logits


def known_loss(
    logits: torch.Tensor, target: torch.Tensor, known: torch.Tensor, entropy: float, dice: float
) -> torch.Tensor:
    """`entropy` x binary cross-entropy (mean over known voxels) + `dice` x (1 - soft Dice of each sample, averaged).

    logits, target (n, c, ...): channels that may overlap, target 0..1. known (n, 1, ...), 0 or 1: voxels with 0 have
    neither loss nor gradient.
    """
    logits = logits.float()
    loss = (
        entropy
        * (binary_cross_entropy_with_logits(logits, target, reduction="none") * known).sum()
        / (known.sum() * logits.shape[1]).clamp(min=1)
    )
    if dice:
        axes = tuple(range(1, logits.dim()))
        probability = torch.sigmoid(logits) * known
        both = (probability * target).sum(axes)
        total = (probability + target * known).sum(axes)
        loss = loss + dice * (1 - (2 * both + 1) / (total + 1)).mean()
    return loss
