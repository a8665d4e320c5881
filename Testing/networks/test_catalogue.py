"""Each network by name: shapes, gradients, starting point, refusals."""

import pytest
import torch
from torch import nn

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue

NAMES = catalogue.names()
SIDES = {2: (64, 48), 3: (16, 24, 16)}


def some_input(name: str, batch: int = 2, **arguments) -> torch.Tensor:
    entry = catalogue.entry(name)
    channels = {**entry.arguments, **arguments}["input_channels"]
    generator = torch.Generator().manual_seed(0)
    return torch.rand(batch, channels, *SIDES[entry.dimensions], generator=generator)


@pytest.mark.parametrize("name", NAMES)
def test_logits_have_one_channel_and_the_size_of_the_input(name):
    inputs = some_input(name)
    with torch.inference_mode():
        logits = catalogue.build(name).eval()(inputs)
    assert logits.shape == (2, 1, *inputs.shape[2:])


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_input_is_one_cell_of_the_downsampling(name):
    entry = catalogue.entry(name)
    sides = [entry.downsampling] * entry.dimensions
    with torch.inference_mode():
        logits = catalogue.build(name).eval()(torch.zeros(1, entry.arguments["input_channels"], *sides))
    assert list(logits.shape[2:]) == sides


@pytest.mark.parametrize("name", [name for name in NAMES if catalogue.entry(name).dimensions == 2])
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_slice_networks_take_adjacent_slices_as_channels(name, channels):
    with torch.inference_mode():
        network = catalogue.build(name, input_channels=channels).eval()
        assert network(some_input(name, input_channels=channels)).shape[1] == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_gradient_reaches_every_parameter(name):
    torch.manual_seed(0)
    network = catalogue.build(name).train()
    network(some_input(name, batch=4)).square().sum().backward()
    still = [each for each, parameter in network.named_parameters() if not parameter.grad.abs().sum() > 0]
    assert still == []


@pytest.mark.parametrize("name", ["UNet", "SegNet", "ENet-CBAM-Skip-Fine", "ResidualUNet3D"])
def test_a_network_whose_head_has_a_bias_starts_by_saying_that_tumour_is_rare(name):
    torch.manual_seed(0)
    with torch.inference_mode():
        probability = torch.sigmoid(catalogue.build(name).eval()(some_input(name)))
    assert 0.001 < probability.mean() < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_every_batch_norm_but_the_initial_one_follows_its_convolution_so_that_it_folds(name):
    for where, module in catalogue.build(name).named_modules():
        if not isinstance(module, nn.Sequential) or where == "initial.finish":
            continue
        for before, after in zip([None, *module], module, strict=False):
            if isinstance(after, (nn.BatchNorm2d, nn.BatchNorm3d)):
                assert isinstance(before, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d)), where


@pytest.mark.parametrize("name", NAMES)
def test_the_heat_maps_default_layer_exists(name):
    assert catalogue.entry(name).cam_layer in dict(catalogue.build(name).named_modules())


def test_attention_scales_each_value_by_weights_between_0_and_1():
    from LungTumorSegLib.networks.cbam import CBAM

    torch.manual_seed(0)
    attention = CBAM(16)
    x = torch.randn(2, 16, 8, 8)
    scale = attention(x) / x
    assert scale.shape == x.shape
    assert scale.min() > 0
    assert scale.max() < 1
    # one weight a channel times one weight a place: every channel has the same pattern of places
    pattern = scale / scale.mean((2, 3), keepdim=True)
    torch.testing.assert_close(pattern, pattern[:, :1].expand_as(pattern))


def test_a_skipped_bottleneck_adds_to_the_decoders_own_channels():
    from LungTumorSegLib.networks.enet import Regular

    block = Regular(8, nn.ReLU, skipped=8).eval()
    nn.init.zeros_(block.branch[-1][0].weight)
    x = torch.rand(1, 16, 4, 4)
    torch.testing.assert_close(block(x), x[:, :8])


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("Enet", {}, "ENet-CBAM-Skip-Fine, ResidualUNet3D"),
        ("os.system", {}, "unknown network"),
        ("ENet", {"depth": 3}, "it takes input_channels"),
        ("ENet", {"skip": True}, "it takes input_channels"),
        ("ENet", {"input_channels": 0}, "input_channels"),
        ("ENet", {"input_channels": True}, "input_channels"),
        ("ENet", {"input_channels": 1.0}, "input_channels"),
        ("ENet", {"input_channels": 10**9}, "input_channels"),
        ("ResidualUNet3D", {"widths": (16, 32)}, "widths"),
        ("ResidualUNet3D", {"widths": (16, 32, 64, 10**6)}, "widths"),
        ("ResidualUNet3D", {"widths": "wide"}, "widths"),
        ("ResidualUNet3D", {"blocks": (1, 1, 1, 10**6)}, "blocks"),
        ("ResidualUNet3D", {"blocks": 4}, "blocks"),
    ],
)
def test_an_unknown_network_or_argument_is_refused_in_one_line(name, arguments, words):
    with pytest.raises(InputRefused, match=words) as refused:
        catalogue.build(name, **arguments)
    assert "\n" not in str(refused.value)
