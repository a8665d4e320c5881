"""Grad-CAM against sums done by hand, against finite differences, and in the conditions of a real session."""

import pytest
import torch
from torch import nn

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.explanation.gradcam import grad_cam, layers
from LungTumorSegLib.networks import catalogue

CONVOLUTION = {2: nn.Conv2d, 3: nn.Conv3d}
SEGMENTING = [name for name in catalogue.names() if catalogue.entry(name).task == "segmentation"]


class Linear(nn.Module):
    """Two channels 2x and -x; logits 3 x the first and half the second. An unused and a flat layer beside them."""

    def __init__(self, dimensions: int):
        super().__init__()
        self.features = CONVOLUTION[dimensions](1, 2, 1, bias=False)
        self.head = CONVOLUTION[dimensions](2, 1, 1, bias=False)
        self.unused = CONVOLUTION[dimensions](1, 1, 1)
        self.flat = nn.Flatten()
        with torch.no_grad():
            self.features.weight.view(-1).copy_(torch.tensor([2.0, -1.0]))
            self.head.weight.view(-1).copy_(torch.tensor([3.0, 0.5]))
        self.eval()

    def forward(self, x):
        self.flat(x)
        return self.head(self.features(x))


class Halving(nn.Module):
    """The features at half the resolution; what follows works in place."""

    def __init__(self):
        super().__init__()
        self.features = nn.AvgPool2d(2)
        self.after = nn.Sequential(nn.ReLU(inplace=True), nn.Upsample(scale_factor=2))
        self.eval()

    def forward(self, x):
        return self.after(self.features(x))


def some_network(name: str, **arguments) -> nn.Module:
    """Batch norms with statistics of their own, as after training."""
    torch.manual_seed(0)
    network = catalogue.build(name, **arguments)
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d)):
            nn.init.uniform_(module.running_mean, -0.2, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 2)
    return network.eval()


def some_slices(count: int = 2, channels: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """Noise with a bright square, and the square."""
    mask = torch.zeros(count, 1, 64, 64)
    mask[:, :, 20:36, 24:40] = 1
    return torch.rand(count, channels, 64, 64, generator=torch.Generator().manual_seed(1)) + mask, mask


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_linear_network_gives_the_map_done_by_hand(dimensions):
    sides = (4, 6, 2)[:dimensions]
    inputs = torch.randn(1, 1, *sides, generator=torch.Generator().manual_seed(0))
    mask = torch.zeros_like(inputs)
    mask[0, 0, 0] = 1  # the share of places in it is 1 / 4
    # gradients inside the mask are the head's 3 and 0.5; their means over all places 3 / 4 and 0.5 / 4
    by_hand = (3 / 4 * 2 * inputs + 0.5 / 4 * -inputs).relu()
    torch.testing.assert_close(grad_cam(Linear(dimensions), inputs, mask, "features"), by_hand)


def test_a_coarse_map_is_enlarged_linearly():
    inputs = torch.zeros(1, 1, 2, 8)
    inputs[..., 4:6] = 4  # at half the resolution: 0 0 4 0
    mask = torch.ones_like(inputs)
    # every feature is copied to four voxels of the mask: the gradient is 4 where ReLU lets it through, its mean 1
    by_hand = torch.tensor([0, 0, 0, 1, 3, 3, 1, 0.0]).expand(1, 1, 2, 8)
    torch.testing.assert_close(grad_cam(Halving(), inputs, mask, "features"), by_hand)


def test_the_weights_are_those_of_finite_differences():
    network = some_network("ENet-CBAM-Skip").double()
    inputs, mask = some_slices(1)
    inputs, mask = inputs[..., 16:48, 16:48].double(), mask[..., 16:48, 16:48].double()
    step = 1e-6

    def run(channel: int = 0, shift: float = 0.0) -> tuple[float, torch.Tensor]:
        """The score with one channel of the layer moved as a whole, and the layer's features."""
        kept = []

        def move(_module, _inputs, output):
            output[:, channel] += shift
            kept.append(output)

        handle = network.initial.register_forward_hook(move)
        with torch.inference_mode():
            score = float((network(inputs) * mask).sum())
        handle.remove()
        return score, kept[0]

    _, features = run()
    # moving a whole channel moves the score by the sum of its gradients
    slopes = [(run(channel, step)[0] - run(channel, -step)[0]) / (2 * step) for channel in range(features.shape[1])]
    weights = torch.tensor(slopes).view(1, -1, 1, 1) / features[0, 0].numel()
    coarse = (weights * features).sum(1, keepdim=True).relu().float()
    expected = nn.functional.interpolate(coarse, inputs.shape[2:], mode="bilinear")
    assert expected.max() > 0
    torch.testing.assert_close(grad_cam(network, inputs, mask, "initial"), expected, rtol=1e-3, atol=1e-6)


def test_every_slice_of_a_batch_has_its_own_weights():
    network = some_network("ENet-CBAM-Skip-Fine", input_channels=3)
    inputs, mask = some_slices(3, channels=3)
    mask[1] = 0
    together = grad_cam(network, inputs, mask, "stage4")
    assert together[0].max() > 0
    assert together[1].max() == 0
    for n in range(3):
        alone = grad_cam(network, inputs[n : n + 1], mask[n : n + 1], "stage4")
        torch.testing.assert_close(together[n : n + 1], alone, rtol=1e-3, atol=1e-6)


def test_an_empty_mask_gives_zeros():
    inputs, mask = some_slices()
    heat = grad_cam(some_network("ENet"), inputs, torch.zeros_like(mask), "stage4")
    assert heat.shape == mask.shape
    assert heat.max() == 0


def test_where_everything_speaks_against_tumour_the_map_is_zero():
    inputs = -torch.ones(1, 1, 4, 4)
    heat = grad_cam(Linear(2), inputs, torch.ones_like(inputs), "features")
    assert torch.equal(heat, torch.zeros_like(inputs))


def sides(name: str) -> list[int]:
    """Two cells of the coarsest level a side."""
    entry = catalogue.entry(name)
    return [2 * entry.downsampling] * entry.dimensions


@pytest.mark.parametrize("name", SEGMENTING)
def test_a_constant_image_gives_a_finite_map(name):
    entry = catalogue.entry(name)
    inputs = torch.full((1, entry.arguments["input_channels"], *sides(name)), 0.5)
    mask = torch.ones(1, 1, *sides(name))
    heat = grad_cam(some_network(name, output_channels=1), inputs, mask, entry.cam_layer)
    assert heat.shape == mask.shape
    assert torch.isfinite(heat).all()
    assert heat.min() >= 0


@pytest.mark.parametrize("name", SEGMENTING)
def test_every_listed_layer_and_the_default_give_a_map(name):
    entry = catalogue.entry(name)
    network = some_network(name, output_channels=1)
    inputs = torch.rand(1, entry.arguments["input_channels"], *sides(name))
    mask = torch.ones(1, 1, *sides(name))
    several = {"swinViT"}  # a transformer with an output a level: refused in one line
    for layer in {*layers(network), entry.cam_layer} - several:
        assert grad_cam(network, inputs, mask, layer).shape == mask.shape


def test_the_network_is_left_as_it_was():
    network = some_network("ENet-CBAM-Skip")
    network.initial.requires_grad_(False)
    asked = [each.requires_grad for each in network.parameters()]
    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    grad_cam(network, *some_slices(), "stage4")
    assert [each.requires_grad for each in network.parameters()] == asked
    assert all(each.grad is None for each in network.parameters())
    assert all(torch.equal(tensor, state[name]) for name, tensor in network.state_dict().items())
    assert not any(module._forward_hooks for module in network.modules())


def test_a_failing_network_keeps_no_hook():
    network = some_network("ENet")
    inputs, mask = some_slices()
    with pytest.raises(RuntimeError):
        grad_cam(network, inputs[..., :61], mask[..., :61], "stage2")
    assert not any(module._forward_hooks for module in network.modules())


def test_a_frozen_network_explains_itself_just_as_well():
    network = some_network("ENet-CBAM-Skip")
    inputs, mask = some_slices()
    expected = grad_cam(network, inputs, mask, "stage4")
    assert torch.equal(grad_cam(network.requires_grad_(False), inputs, mask, "stage4"), expected)


def test_inference_mode_around_it_and_autocast_change_nothing():
    network = some_network("ENet-CBAM-Skip")
    inputs, mask = some_slices()
    expected = grad_cam(network, inputs, mask, "stage4")
    with torch.inference_mode():
        assert torch.equal(grad_cam(network, inputs + 0, mask + 0, "stage4"), expected)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(grad_cam(network, inputs, mask, "stage4"), expected)


def test_channels_last_gives_the_same_map():
    network = some_network("ENet-CBAM-Skip-Fine", input_channels=3)
    inputs, mask = some_slices(2, channels=3)
    expected = grad_cam(network, inputs, mask, "stage4")
    last = network.to(memory_format=torch.channels_last)
    heat = grad_cam(last, inputs.contiguous(memory_format=torch.channels_last), mask, "stage4")
    torch.testing.assert_close(heat, expected, rtol=1e-3, atol=1e-6)


def test_a_network_with_folded_batch_norms_gives_the_same_map():
    network = some_network("ResidualUNet3D", widths=(4, 8, 12, 16))
    inputs = torch.rand(1, 3, 16, 16, 16)
    mask = torch.zeros(1, 1, 16, 16, 16)
    mask[..., 4:10, 4:10, 4:10] = 1
    expected = grad_cam(network, inputs, mask, "decoder.1")
    for module in network.modules():
        if isinstance(module, nn.Sequential):
            for n in range(len(module) - 1):
                if isinstance(module[n + 1], nn.BatchNorm3d):
                    module[n] = torch.nn.utils.fuse_conv_bn_eval(module[n], module[n + 1])
                    module[n + 1] = nn.Identity()
    assert not any(isinstance(module, nn.BatchNorm3d) for module in network.modules())
    assert expected.max() > 0
    torch.testing.assert_close(grad_cam(network, inputs, mask, "decoder.1"), expected, rtol=1e-3, atol=1e-6)


def test_an_unknown_layer_is_refused_with_the_names_to_choose_from():
    inputs, mask = some_slices()
    with pytest.raises(InputRefused, match="unknown layer 'stage9': choose one of initial, down1, stage1, down2"):
        grad_cam(some_network("ENet"), inputs, mask, "stage9")
    with pytest.raises(InputRefused, match="unknown layer ''"):
        grad_cam(some_network("ENet"), inputs, mask, "")


def test_a_layer_without_feature_maps_is_refused():
    inputs = torch.ones(1, 1, 4, 4)
    network = Linear(2)
    with pytest.raises(InputRefused, match="flat has no feature maps: choose one of features, unused"):
        grad_cam(network, inputs, inputs, "flat")
    with pytest.raises(InputRefused, match="unused does not run"):
        grad_cam(network, inputs, inputs, "unused")
    assert not any(module._forward_hooks for module in network.modules())


def test_training_mode_and_a_mask_of_another_size_are_mistakes_of_the_caller():
    inputs, mask = some_slices()
    network = some_network("ENet")
    with pytest.raises(ValueError, match="the mask is"):
        grad_cam(network, inputs, mask[..., :32], "stage4")
    with pytest.raises(ValueError, match="evaluation mode"):
        grad_cam(network.train(), inputs, mask, "stage4")
