"""MONAI's SwinUNETR (system 3). Imported only when such a network is built: MONAI takes seconds."""

from __future__ import annotations

import torch
from monai.networks.nets.swin_unetr import SwinUNETR


class SwinTransformerUNet3D(SwinUNETR):
    """A U-Net whose encoder is attention in shifted windows (Hatamizadeh et al. 2022), with MONAI's defaults.

    (n, input_channels, d, h, w) -> logits (n, output_channels, d, h, w); d, h and w multiples of 32, more than one
    such cube in all.

    Parameters
    ----------
    output_channels : 2 for background and tumour as classes of a softmax, as system 3 has them.
    feature_size : width of the first level, a multiple of 12: 24 has 15.7 million parameters, 48 has 62 million.
    dropout : share of the encoder's activations left out.

    Weights start as MONAI starts them.
    """

    def __init__(self, input_channels: int = 1, output_channels: int = 2, feature_size: int = 24, dropout: float = 0.0):
        with torch.device("cpu"):  # it reads a tensor's values while it is built, which one without memory has not
            super().__init__(
                in_channels=input_channels,
                out_channels=output_channels,
                feature_size=feature_size,
                drop_rate=dropout,
                spatial_dims=3,
            )
