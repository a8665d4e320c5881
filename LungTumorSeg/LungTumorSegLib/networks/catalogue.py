"""The networks that can be picked by name, in recipes and in model cards."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks.arguments import wrong

if TYPE_CHECKING:
    from torch import nn

TASKS = ("segmentation", "gate")


@dataclass(frozen=True)
class CatalogueEntry:
    """One network.

    name : as in recipes and model cards.
    dimensions : 2 for slices (n, c, h, w), 3 for volumes (n, c, d, h, w).
    task : "segmentation" (logits of the input's size) or "gate" (one logit an item: is the target in it at all?).
    downsampling : every side of the input must be a multiple of it.
    cam_layer : dotted name of the module whose features Grad-CAM shows unless asked for another: decoders at a quarter
        (3D: half) of the resolution. Tried on partly trained -Fine and 3D networks, earlier layers missed the tumour
        or gave nothing, and the last ones copied the mask; the other networks follow by analogy.
    published : (parameters, multiply-adds of one 1 x 256 x 256 slice as printed) of system 1's table, or None.
    sentence : what it is, for people.
    module, kind : the file beside this one and the class in it.
    variant : what makes this entry differ from others of its class.
    arguments : what `build` takes, with defaults; the ranges stand in `arguments.LIMITS`.
    least_cells : cubes of `downsampling` voxels that an input must hold at least: instance norm needs more than one
        voxel at the coarsest level.
    even : every voxel costs the same, whatever the size of the input.
    """

    name: str
    dimensions: int
    downsampling: int
    cam_layer: str
    published: tuple[int, float] | None
    sentence: str
    module: str
    kind: str
    variant: dict = field(default_factory=dict)
    arguments: dict = field(default_factory=lambda: {"input_channels": 1, "output_channels": 1})
    task: str = "segmentation"
    least_cells: int = 1
    even: bool = True

    @property
    def smallest(self) -> tuple[int, ...]:
        """The sides of the smallest input."""
        return (self.least_cells * self.downsampling, *[self.downsampling] * (self.dimensions - 1))


ENTRIES = (
    CatalogueEntry(
        name="UNet",
        dimensions=2,
        downsampling=8,
        cam_layer="up3",
        published=(7_781_761, 42.35e9),
        sentence="U-Net without batch norm: the published comparison's best probabilities at 77 times the work.",
        module="unet",
        kind="UNet",
    ),
    CatalogueEntry(
        name="SegNet",
        dimensions=2,
        downsampling=16,
        cam_layer="decoder.1",
        published=(9_374_593, 26.68e9),
        sentence="SegNet: the largest of the published comparison.",
        module="segnet",
        kind="SegNet",
    ),
    CatalogueEntry(
        name="ENet",
        dimensions=2,
        downsampling=8,
        cam_layer="stage4",
        published=(348_852, 490.92e6),
        sentence="ENet: the smallest of the published comparison.",
        module="enet",
        kind="ENet",
    ),
    CatalogueEntry(
        name="ENet-Skip",
        dimensions=2,
        downsampling=8,
        cam_layer="stage4",
        published=(360_628, 547.28e6),
        sentence="ENet with two concatenations from encoder to decoder.",
        module="enet",
        kind="ENet",
        variant={"skip": True},
    ),
    CatalogueEntry(
        name="ENet-CBAM-Skip",
        dimensions=2,
        downsampling=8,
        cam_layer="stage4",
        published=(430_052, 549.04e6),
        sentence="ENet-Skip with attention: the published comparison's choice for energy-efficient segmentation.",
        module="enet",
        kind="ENet",
        variant={"skip": True, "attention": True},
    ),
    CatalogueEntry(
        name="ENet-CBAM-Skip-Fine",
        dimensions=2,
        downsampling=8,
        cam_layer="stage4",
        published=None,
        sentence="ENet-CBAM-Skip for adjacent slices, enlarged smoothly, with an outline at full resolution.",
        module="enet",
        kind="ENet",
        variant={"skip": True, "attention": True, "fine": True},
        arguments={"input_channels": 5, "output_channels": 1},
    ),
    CatalogueEntry(
        name="ResidualUNet3D",
        dimensions=3,
        downsampling=8,
        cam_layer="decoder.1",
        published=None,
        sentence="Residual 3D U-Net for one lesion around a click.",
        module="residual_unet",
        kind="ResidualUNet3D",
        arguments={"input_channels": 3, "output_channels": 1, "widths": (16, 32, 64, 128), "blocks": (1, 1, 2, 1)},
    ),
    CatalogueEntry(
        name="XceptionGate",
        dimensions=2,
        downsampling=16,
        cam_layer="middle",
        published=None,
        sentence="Says whether a slice holds the target at all, so that only such slices are segmented (system 2).",
        module="gate",
        kind="XceptionGate",
        arguments={"input_channels": 1, "widths": (32, 64, 128, 256), "middle_blocks": 2, "dropout": 0.2},
        task="gate",
    ),
    CatalogueEntry(
        name="UNet3D",
        dimensions=3,
        downsampling=16,
        cam_layer="model.1.submodule.2",
        published=None,
        sentence="MONAI's 3D U-Net with residual units; background and tumour as two classes (system 3).",
        module="monai_unet",
        kind="UNet3D",
        arguments={
            "input_channels": 1,
            "output_channels": 2,
            "widths": (16, 32, 64, 128, 256),
            "residual_units": 2,
            "norm": "instance",
            "dropout": 0.0,
        },
        least_cells=2,
    ),
    CatalogueEntry(
        name="SwinUNETR",
        dimensions=3,
        downsampling=32,
        cam_layer="decoder2",
        published=None,
        sentence="MONAI's SwinUNETR: attention in shifted windows; background and tumour as two classes (system 3).",
        module="monai_swin",
        kind="SwinTransformerUNet3D",
        arguments={"input_channels": 1, "output_channels": 2, "feature_size": 24, "dropout": 0.0},
        least_cells=2,
        even=False,
    ),
    CatalogueEntry(
        name="UNet-Narrow",
        dimensions=2,
        downsampling=16,
        cam_layer="decoder.1",
        published=None,
        sentence="U-Net of 16 or 32 base filters with batch norm and dropout; left and right lung (system 4).",
        module="narrow_unet",
        kind="NarrowUNet",
        arguments={
            "input_channels": 1,
            "output_channels": 2,
            "base_filters": 16,
            "batch_norm": True,
            "dropout": 0.5,
        },
    ),
    CatalogueEntry(
        name="ResidualUNet3D-Summed",
        dimensions=3,
        downsampling=8,
        cam_layer="decoder.1",
        published=None,
        sentence="Residual 3D U-Net that sums a map of each expanding stage into the final one (system 5).",
        module="residual_unet",
        kind="ResidualUNet3D",
        variant={"summed": True},
        arguments={"input_channels": 4, "output_channels": 1, "widths": (16, 32, 64, 128), "blocks": (1, 1, 1, 1)},
    ),
    CatalogueEntry(
        name="UNet3D-Dilated",
        dimensions=3,
        downsampling=8,
        cam_layer="decoder.1",
        published=None,
        sentence="3D U-Net whose fourth stage is dilated convolutions (system 5).",
        module="dilated_unet",
        kind="DilatedUNet3D",
        arguments={"input_channels": 4, "output_channels": 1, "widths": (16, 32, 64, 128)},
    ),
)


def names() -> list[str]:
    """All names, the published comparison first."""
    return [entry.name for entry in ENTRIES]


def entry(name: str) -> CatalogueEntry:
    """The entry of that name; refuses an unknown one and lists those known."""
    for candidate in ENTRIES:
        if candidate.name == name:
            return candidate
    raise InputRefused(f"unknown network {str(name)[:60]!r}: choose one of {', '.join(names())}")


def build(name: str, **arguments) -> nn.Module:
    """A network with untrained weights, in training mode, fp32, on the CPU.

    Raises `InputRefused` for an unknown name, an unknown argument, or one out of range.
    """
    chosen = entry(name)
    refuse_arguments(chosen, arguments)
    arguments = {key: tuple(value) if isinstance(value, list) else value for key, value in arguments.items()}
    kind = getattr(import_module(f"LungTumorSegLib.networks.{chosen.module}"), chosen.kind)
    return kind(**chosen.variant, **{**chosen.arguments, **arguments})


def refuse_arguments(chosen: CatalogueEntry, arguments: dict) -> None:
    """`InputRefused` where an argument is unknown or out of range, before anything large is built."""
    for key in arguments:
        if key not in chosen.arguments:
            raise InputRefused(
                f"unknown argument {str(key)[:60]!r} of {chosen.name}: it takes {', '.join(chosen.arguments)}"
            )
    for key, value in arguments.items():
        default = chosen.arguments[key]
        if words := wrong(key, value, default):
            raise InputRefused(f"{key} of {chosen.name} must be {words}")
