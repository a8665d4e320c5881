"""Each network by name: shapes, gradients, starting point, refusals."""

import pytest
import torch
from torch import nn

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import catalogue

NAMES = catalogue.names()
GATES = [name for name in NAMES if catalogue.entry(name).task == "gate"]
SLICE_NETWORKS = [name for name in NAMES if catalogue.entry(name).dimensions == 2]
MONAIS = [name for name in NAMES if catalogue.entry(name).module.startswith("monai")]
SIDES = {2: (64, 48), 3: (16, 24, 16)}
SMALL = {"UNet3D": {"widths": (4, 8, 8, 8, 8)}, "SwinUNETR": {"feature_size": 12}}  # else the tests take minutes


def build(name: str, **arguments) -> nn.Module:
    return catalogue.build(name, **{**SMALL.get(name, {}), **arguments})


def some_input(name: str, batch: int = 2, **arguments) -> torch.Tensor:
    entry = catalogue.entry(name)
    channels = {**entry.arguments, **arguments}["input_channels"]
    sides = SIDES[entry.dimensions]
    sides = entry.smallest if any(side % entry.downsampling for side in sides) else sides
    generator = torch.Generator().manual_seed(0)
    return torch.rand(batch, channels, *sides, generator=generator)


def wanted_shape(name: str, inputs: torch.Tensor, outputs: int) -> tuple[int, ...]:
    return (len(inputs), 1) if name in GATES else (len(inputs), outputs, *inputs.shape[2:])


@pytest.mark.parametrize("name", NAMES)
def test_logits_have_a_channel_a_class_and_the_size_of_the_input_and_a_gate_says_one(name):
    inputs = some_input(name)
    with torch.inference_mode():
        logits = build(name).eval()(inputs)
    assert logits.shape == wanted_shape(name, inputs, catalogue.entry(name).arguments.get("output_channels"))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in GATES])
def test_every_segmenting_network_can_tell_several_classes(name):
    inputs = some_input(name, batch=1)
    with torch.inference_mode():
        assert build(name, output_channels=4).eval()(inputs).shape == wanted_shape(name, inputs, 4)


@pytest.mark.parametrize("name", NAMES)
def test_the_smallest_input_is_accepted(name):
    entry = catalogue.entry(name)
    inputs = torch.zeros(1, entry.arguments["input_channels"], *entry.smallest)
    with torch.inference_mode():
        assert build(name).eval()(inputs).isfinite().all()


@pytest.mark.parametrize("name", SLICE_NETWORKS)
@pytest.mark.parametrize("channels", [1, 3, 5])
def test_slice_networks_take_adjacent_slices_as_channels(name, channels):
    inputs = some_input(name, batch=1, input_channels=channels)
    with torch.inference_mode():
        network = build(name, input_channels=channels).eval()
        outputs = catalogue.entry(name).arguments.get("output_channels")
        assert network(inputs).shape == wanted_shape(name, inputs, outputs)


@pytest.mark.parametrize("name", NAMES)
def test_a_finite_gradient_reaches_every_parameter(name):
    torch.manual_seed(0)
    network = build(name).train()
    network(some_input(name, batch=2 if name in MONAIS else 4)).square().sum().backward()
    gradients = {each: parameter.grad for each, parameter in network.named_parameters()}
    assert [each for each, grad in gradients.items() if grad is None or not grad.isfinite().all()] == []
    # A bias before an instance norm is taken away by it: MONAI has such, and their gradient is truly 0.
    still = [each for each, grad in gradients.items() if not grad.abs().sum() > 0]
    assert [each for each in still if name not in MONAIS or not each.endswith("bias")] == []


@pytest.mark.parametrize(
    "name",
    [
        *("UNet", "SegNet", "ENet-CBAM-Skip-Fine", "ResidualUNet3D"),
        *("UNet-Narrow", "ResidualUNet3D-Summed", "UNet3D-Dilated"),
    ],
)
def test_a_network_whose_head_has_a_bias_starts_by_saying_that_tumour_is_rare(name):
    torch.manual_seed(0)
    with torch.inference_mode():
        probability = torch.sigmoid(build(name).eval()(some_input(name)))
    assert 0.001 < probability.mean() < 0.1


@pytest.mark.parametrize("name", NAMES)
def test_every_batch_norm_but_the_initial_one_follows_its_convolution_so_that_it_folds(name):
    for where, module in build(name).named_modules():
        if not isinstance(module, nn.Sequential) or where == "initial.finish":
            continue
        for before, after in zip([None, *module], module, strict=False):
            if isinstance(after, (nn.BatchNorm2d, nn.BatchNorm3d)):
                assert isinstance(before, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d)), where


@pytest.mark.parametrize("name", NAMES)
def test_the_heat_maps_default_layer_exists(name):
    assert catalogue.entry(name).cam_layer in dict(build(name).named_modules())


@torch.inference_mode()
def test_the_summed_network_adds_a_map_of_each_stage_to_the_final_one():
    torch.manual_seed(0)
    network = build("ResidualUNet3D-Summed", widths=(4, 8, 12, 16)).eval()
    inputs = some_input("ResidualUNet3D-Summed", batch=1)
    before = network(inputs)
    for stage, head in enumerate(network.coarse_heads):
        head.bias += 10.0**stage
    assert len(network.coarse_heads) == 2
    torch.testing.assert_close(network(inputs), before + 11)


def test_the_dilated_networks_fourth_stage_alone_looks_past_its_neighbours():
    network = build("UNet3D-Dilated")
    dilations = [{m.dilation for m in stage.modules() if isinstance(m, nn.Conv3d)} for stage in network.encoder]
    assert dilations == [{(1, 1, 1)}] * 3 + [{(2, 2, 2)}]
    assert {m.dilation for m in network.decoder.modules() if isinstance(m, nn.Conv3d)} == {(1, 1, 1)}


@pytest.mark.parametrize(("arguments", "norms"), [({}, 18), ({"batch_norm": False, "base_filters": 4}, 0)])
def test_system_4s_network_takes_filters_batch_norm_and_dropout_as_arguments(arguments, norms):
    network = build("UNet-Narrow", **arguments, dropout=0.25)
    assert sum(isinstance(module, nn.BatchNorm2d) for module in network.modules()) == norms
    assert network.encoder[0][0].out_channels == arguments.get("base_filters", 16)
    assert network.dropout.p == 0.25


def test_the_gate_is_made_of_depthwise_separable_convolutions():
    gate = build("XceptionGate")
    blocks = [*gate.entry, *gate.middle]
    large = [m for block in blocks for m in block.modules() if isinstance(m, nn.Conv2d) and m.kernel_size == (3, 3)]
    assert len(large) == 10
    assert all(convolution.groups == convolution.in_channels for convolution in large)


@torch.inference_mode()
def test_the_gate_judges_images_of_any_size():
    gate = build("XceptionGate").eval()
    assert gate(torch.rand(2, 1, 16, 16)).shape == gate(torch.rand(2, 1, 64, 160)).shape == (2, 1)


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
        ("Enet", {}, "ENet-CBAM-Skip-Fine, ResidualUNet3D, XceptionGate"),
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
        ("ENet", {"output_channels": 10}, "output_channels"),
        ("XceptionGate", {"output_channels": 2}, "it takes input_channels, widths"),
        ("XceptionGate", {"middle_blocks": 10**6}, "middle_blocks"),
        ("UNet-Narrow", {"base_filters": 10**6}, "base_filters"),
        ("UNet-Narrow", {"batch_norm": 1}, "one of True, False"),
        ("UNet-Narrow", {"dropout": 1}, "dropout"),
        ("UNet-Narrow", {"dropout": float("nan")}, "dropout"),
        ("UNet3D", {"norm": "__import__('os')"}, "one of instance, batch"),
        ("UNet3D", {"widths": (16, 32)}, "5 whole numbers"),
        ("UNet3D", {"residual_units": 10**6}, "residual_units"),
        ("SwinUNETR", {"feature_size": 25}, "12, 24, 36, 48"),
        ("SwinUNETR", {"feature_size": 24.0}, "12, 24, 36, 48"),
        ("SwinUNETR", {"use_checkpoint": True}, "it takes input_channels, output_channels, feature_size, dropout"),
    ],
)
def test_an_unknown_network_or_argument_is_refused_in_one_line(name, arguments, words):
    with pytest.raises(InputRefused, match=words) as refused:
        catalogue.build(name, **arguments)
    assert "\n" not in str(refused.value)
