"""MONAI's 3D U-Net (system 3). Imported only when such a network is built: MONAI takes seconds."""

from __future__ import annotations

from monai.networks.nets.unet import UNet


class UNet3D(UNet):
    """MONAI's U-Net with strided convolutions and residual units (Kerfoot et al. 2018).

    (n, input_channels, d, h, w) -> logits (n, output_channels, d, h, w); d, h and w multiples of 16, more than one
    such cube in all.

    Parameters
    ----------
    output_channels : 2 for background and tumour as classes of a softmax, as system 3 has them.
    widths : channels of the five levels.
    residual_units : convolutions of each level's residual unit; 0 for plain ones.
    norm : "instance" is MONAI's own choice and suits system 3's batches of one; "batch" folds away at inference.
    dropout : share of activations left out, in every convolution.

    Weights start as MONAI starts them.
    """

    def __init__(
        self,
        input_channels: int = 1,
        output_channels: int = 2,
        widths: tuple[int, ...] = (16, 32, 64, 128, 256),
        residual_units: int = 2,
        norm: str = "instance",
        dropout: float = 0.0,
    ):
        super().__init__(
            spatial_dims=3,
            in_channels=input_channels,
            out_channels=output_channels,
            channels=widths,
            strides=(2,) * (len(widths) - 1),
            num_res_units=residual_units,
            norm=norm,
            dropout=dropout,
        )
