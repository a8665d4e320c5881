"""The networks that can be picked by name, in recipes and in model cards."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING

from LungTumorSegLib.errors import InputRefused

if TYPE_CHECKING:
    from torch import nn

MOST_INPUT_CHANNELS = 8
LEVELS = 4  # of ResidualUNet3D; more would change `downsampling`
WIDEST = 512
MOST_BLOCKS = 8


@dataclass(frozen=True)
class CatalogueEntry:
    """One network.

    name : as in recipes and model cards.
    dimensions : 2 for slices (n, c, h, w), 3 for volumes (n, c, d, h, w).
    downsampling : every side of the input must be a multiple of it.
    cam_layer : dotted name of the module whose features Grad-CAM shows unless asked for another: decoders at a quarter
        (3D: half) of the resolution. Tried on partly trained -Fine and 3D networks, earlier layers missed the tumour
        or gave nothing, and the last ones copied the mask; the other networks follow by analogy.
    published : (parameters, multiply-adds of one 1 x 256 x 256 slice as printed) of system 1's table, or None.
    sentence : what it is, for people.
    module, kind : the file beside this one and the class in it.
    variant : what makes this entry differ from others of its class.
    arguments : what `build` takes, with defaults.
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
    arguments: dict = field(default_factory=lambda: {"input_channels": 1})


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
        arguments={"input_channels": 5},
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
        arguments={"input_channels": 3, "widths": (16, 32, 64, 128), "blocks": (1, 1, 2, 1)},
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
    asked = {**chosen.arguments, **arguments}
    if not is_whole(asked["input_channels"], MOST_INPUT_CHANNELS):
        raise InputRefused(f"input_channels of {chosen.name} must be a whole number from 1 to {MOST_INPUT_CHANNELS}")
    if "widths" not in asked:
        return
    widths, blocks = asked["widths"], asked["blocks"]
    if not is_list_of_whole(widths, WIDEST) or len(widths) != LEVELS:
        raise InputRefused(f"widths of {chosen.name} must be {LEVELS} whole numbers from 1 to {WIDEST}")
    if not is_list_of_whole(blocks, MOST_BLOCKS) or len(blocks) != LEVELS:
        raise InputRefused(f"blocks of {chosen.name} must be {LEVELS} whole numbers from 1 to {MOST_BLOCKS}")


def is_whole(value: object, largest: int) -> bool:
    return type(value) is int and 1 <= value <= largest


def is_list_of_whole(values: object, largest: int) -> bool:
    return isinstance(values, (list, tuple)) and all(is_whole(value, largest) for value in values)
