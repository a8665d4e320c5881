"""bfloat16 on processors: what is learnt where a window is only two slices deep is what float32 learns."""

import copy

import pytest
import torch

from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.training.learner import Learner
from LungTumorSegLib.training.recipe_file import read_recipe
from LungTumorSegLib.training.shallow_convolution import ShallowConv3d

SETTINGS = ["network.arguments={input_channels=3, widths=[4,8,8,8]}", "run.batch_norm=frozen"]


def leave_rubbish_in_memory() -> None:
    """What the next ones get who ask for memory and do not fill it."""
    for count in (256, 1024, 4096, 16384, 65536, 262144):
        torch.full((count,), torch.nan)


@pytest.fixture
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("side", [16, 32], ids=["two slices deep", "four slices deep"])
def test_in_bfloat16_the_deepest_layers_learn_what_they_learn_in_float32(side, one_thread):
    torch.manual_seed(0)
    recipe = read_recipe("fine-tune-prompted", SETTINGS)
    learner = Learner(catalogue.build("ResidualUNet3D", **recipe.network.arguments), recipe, 1e-3)
    learner.learn()
    inputs = torch.rand(2, 3, side, side, side)

    def gradients(half: bool) -> dict[str, torch.Tensor]:
        own = copy.deepcopy(learner)
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = own(inputs)
        leave_rubbish_in_memory()
        logits.float().square().mean().backward()
        return {
            name: weight.grad for name, weight in own.named_parameters() if "encoder.3" in name and "weight" in name
        }

    full = gradients(False)
    for _ in range(3):
        for name, gradient in gradients(True).items():
            assert gradient.isfinite().all(), name
            alike = torch.nn.functional.cosine_similarity(gradient.flatten(), full[name].flatten(), dim=0)
            assert alike > 0.95, name


@pytest.mark.parametrize(("slices", "kernel"), [(1, 3), (2, 3), (4, 5), (4, 7), (6, 7)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_the_gradient_of_few_slices_does_not_come_from_memory_of_others(slices, kernel, layout, one_thread):
    torch.manual_seed(0)
    layer = ShallowConv3d(16, 16, kernel, padding=kernel // 2, bias=False).to(memory_format=layout)
    inputs = torch.rand(2, 16, slices, 4, 4).to(memory_format=layout)
    found = []
    for half in (False, True, True):
        layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            answer = layer(inputs)
        leave_rubbish_in_memory()
        answer.float().square().mean().backward()
        found.append(layer.weight.grad)
    assert all((each - found[0]).abs().max() <= 0.02 * found[0].abs().max() for each in found[1:])


def test_deep_windows_stay_in_bfloat16():
    layer = ShallowConv3d(4, 4, 3, padding=1)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer(torch.rand(1, 4, 3, 4, 4)).dtype == torch.bfloat16
        assert layer(torch.rand(1, 4, 2, 4, 4)).dtype == torch.float32
