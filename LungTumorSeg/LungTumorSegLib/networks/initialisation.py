"""How untrained weights start."""

from __future__ import annotations

import math

from torch import nn

# A voxel of a tumour is rare. A head that starts by saying so does not spend its first steps unlearning 0.5
# (Lin et al. 2017, "Focal loss for dense object detection", section 4.1).
TUMOUR_PRIOR = 0.01
HEAD_DEVIATION = 0.01

CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def initialise(network: nn.Module, head: nn.Module | None = None) -> None:
    """Kaiming-normal convolutions (He et al. 2015) with zero biases; `head`, the last convolution, starts at the prior.

    A classifier gives no head: its target is not rare. A head without a bias cannot hold the prior and starts like
    every other convolution. Linear layers keep torch's start, batch norms theirs (weight 1, bias 0).
    A network without memory ("meta") is left alone: drawing random numbers for it would load half of torch's compiler.
    """
    if next(network.parameters()).is_meta:
        return
    for module in network.modules():
        if isinstance(module, CONVOLUTIONS):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    if head is not None and head.bias is not None:
        nn.init.normal_(head.weight, std=HEAD_DEVIATION)
        nn.init.constant_(head.bias, math.log(TUMOUR_PRIOR / (1 - TUMOUR_PRIOR)))
