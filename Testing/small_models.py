"""A model of every network that can search a scan: random weights, as small as the arguments allow."""

from dataclasses import replace

import torch

from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.card import ModelCard
from LungTumorSegLib.networks.model import Model

CARD = ModelCard(
    name="small",
    task="automatic",
    network="ENet",
    arguments={"input_channels": 1},
    spacing_mm=(8.0, 8.0, 8.0),
    window=None,
    hu_range=(-1000.0, 400.0),
    adjacent_slices=1,
    threshold=0.5,
    overlap=0.25,
    licence="made in a test",
)
THREE = ("whole", "core", "rim")
LUNGS = ("left lung", "right lung")
WIDTHS = (4, 4, 8, 8)
# Changes of `CARD`, by the network's name: slices with neighbours, several classes, windows.
CHANGES = {
    **{
        name: {"arguments": {"input_channels": 3}, "adjacent_slices": 3}
        for name in ("SegNet", "ENet", "ENet-Skip", "ENet-CBAM-Skip", "ENet-CBAM-Skip-Fine", "UNet")
    },
    "UNet-Narrow": {"arguments": {"base_filters": 4}, "classes": LUNGS},
    "ResidualUNet3D": {"arguments": {"input_channels": 1, "widths": WIDTHS}, "window": (16, 24, 24)},
    "ResidualUNet3D-Summed": {
        "arguments": {"input_channels": 1, "output_channels": 3, "widths": WIDTHS},
        "window": (16, 24, 24),
        "classes": THREE,
    },
    "UNet3D-Dilated": {
        "arguments": {"input_channels": 1, "output_channels": 4, "widths": WIDTHS},
        "classes": THREE,
        "activation": "softmax",
    },
    "UNet3D": {"arguments": {"widths": (4, 4, 8, 8, 8)}, "window": (32, 32, 32), "activation": "softmax"},
    "SwinUNETR": {"arguments": {"feature_size": 12}, "window": (64, 32, 32), "activation": "softmax"},
}
GATE = replace(CARD, name="gate", task="gate", network="XceptionGate", arguments={"widths": (4, 8, 8, 8)})


def small_model(name: str, **changes) -> Model:
    """Of that network, in evaluation mode; batch norms with statistics as after training, answers around one half."""
    return model_of(replace(CARD, network=name, **{**CHANGES[name], **changes}))


def gated_model() -> Model:
    """Two stages: a gate, and the slices that it lets through."""
    model = small_model("ENet-Skip", gate="gate")
    return replace(model, gate=model_of(GATE))


def model_of(card: ModelCard) -> Model:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = catalogue.build(card.network, **card.arguments)
        for module in network.modules():
            if isinstance(module, torch.nn.modules.batchnorm._BatchNorm):
                module.running_mean.normal_(0, 0.2)
                module.running_var.uniform_(0.5, 2)
        for name, parameter in network.named_parameters():
            if name in ("head.bias", "head.last.bias"):
                torch.nn.init.zeros_(parameter)  # a new network says that all is rare: here something is to be found
    return Model(card, network.eval(), f"random {card.network}")
