"""A network made ready says what it said before, in the precision that the machine has."""

import json

import pytest
import torch
from made_models import made_card
from torch import nn

from LungTumorSegLib.inference import precision
from LungTumorSegLib.inference.convolution import DirectConv3d, go_direct
from LungTumorSegLib.inference.folding import folded
from LungTumorSegLib.inference.memory import bytes_per_voxel, is_out_of_memory
from LungTumorSegLib.inference.runner import Runner
from LungTumorSegLib.inference.setting import Setting, fastest, remembered
from LungTumorSegLib.networks import catalogue
from LungTumorSegLib.networks.model import Model


def with_statistics(network: nn.Module) -> nn.Module:
    """Batch norms as after some training: an untrained one changes next to nothing and would hide a wrong fold."""
    generator = torch.Generator().manual_seed(3)
    for module in network.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.running_mean.normal_(0, 0.2, generator=generator)
            module.running_var.uniform_(0.5, 2, generator=generator)
            module.weight.data.uniform_(0.5, 1.5, generator=generator)
            module.bias.data.normal_(0, 0.2, generator=generator)
    return network.eval()


@pytest.mark.parametrize("name", ["ENet-Skip", "ENet-CBAM-Skip-Fine", "SegNet", "ResidualUNet3D"])
def test_folding_batch_norms_keeps_the_function(name):
    torch.manual_seed(0)
    entry = catalogue.entry(name)
    network = with_statistics(catalogue.build(name))
    example = torch.rand(1, entry.arguments["input_channels"], *[2 * entry.downsampling] * entry.dimensions)
    lean = folded(network, example)
    norms = [sum(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in n.modules()) for n in (network, lean)]
    assert norms[1] <= 1 < norms[0]  # ENet's first norm spans a convolution and a pooled copy
    inputs = torch.rand(2, *example.shape[1:])
    with torch.no_grad():
        before, after = network(inputs), lean(inputs)
    assert (after - before).abs().max() <= 1e-4 * before.abs().max()
    assert not any(module.training for module in lean.modules())


def test_a_convolution_whose_output_goes_elsewhere_too_is_not_folded():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.convolution, self.norm = nn.Conv2d(1, 1, 3, padding=1), nn.BatchNorm2d(1)

        def forward(self, x):
            x = self.convolution(x)
            return x + self.norm(x)

    torch.manual_seed(0)
    network = with_statistics(Shared())
    inputs = torch.rand(1, 1, 8, 8)
    assert torch.equal(folded(network, inputs)(inputs), network(inputs))


def test_direct_convolutions_keep_the_function():
    torch.manual_seed(0)
    network = with_statistics(catalogue.build("ResidualUNet3D"))
    inputs = torch.rand(1, 3, 16, 24, 16)
    with torch.inference_mode():
        before = network(inputs)
        go_direct(network)
        after = network(inputs)
    assert any(isinstance(module, DirectConv3d) for module in network.modules())
    assert (after - before).abs().max() <= 1e-5 * before.abs().max()


def slice_network() -> Model:
    torch.manual_seed(0)
    card = made_card(arguments={"input_channels": 5}, adjacent_slices=5)
    return Model(card, with_statistics(catalogue.build(card.network)), "x")


def test_half_precision_is_never_tried_where_the_processor_has_none(monkeypatch):
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: "AVX2")
    runner = Runner(slice_network(), torch.device("cpu"), half=True)
    assert runner.half_type is None
    assert not any(setting.half for setting in runner.candidates(single=False))


def test_half_precision_is_not_tried_where_it_is_not_wanted():
    runner = Runner(slice_network(), torch.device("cpu"), half=False)
    assert not any(setting.half for setting in runner.candidates(single=False))


def test_the_trial_runs_every_candidate_and_keeps_one(real_trial):
    card = made_card(arguments={"input_channels": 5}, adjacent_slices=5)
    runner = Runner(Model(card, nn.Conv2d(5, 1, 3, padding=1), "x"), torch.device("cpu"), half=True)
    assert runner.setting in runner.candidates(single=False)
    assert len(runner.ready) == len({(each.channels_last, each.half) for each in runner.candidates(single=False)})


@pytest.mark.skipif(
    precision.native_half(torch.device("cpu")) is None, reason="this processor has no native half precision"
)
def test_half_precision_stays_near_full_precision_and_comes_back_as_float32():
    model = slice_network()
    runner = Runner(model, torch.device("cpu"), half=True)
    inputs = torch.rand(2, 5, 64, 64)
    half = runner.run(inputs, Setting(8, True, True))
    with torch.no_grad():
        full = model.network(inputs)
    assert half.dtype == torch.float32
    apart = (torch.sigmoid(half) - torch.sigmoid(full)).abs()
    assert apart.mean() < torch.finfo(torch.bfloat16).eps
    assert apart.max() > 0  # it did run in half precision


def test_slower_settings_lose_and_small_gains_do_not_count():
    slow, same, fast, broken = (Setting(batch, True, False) for batch in (1, 2, 4, 8))
    seconds = {slow: 1.0, same: 0.95, fast: 0.5}

    def spent(setting):
        if setting is broken:
            raise RuntimeError('"max_unpool" not implemented for BFloat16')
        return seconds[setting]

    assert fastest(spent, [slow, same, fast, broken]) == fast
    assert fastest(spent, [slow, same]) == slow


def test_a_setting_is_found_once_and_a_damaged_note_is_found_again(tmp_path):
    file = tmp_path / "deep" / "settings.json"
    asked = []

    def find():
        asked.append(1)
        return Setting(2, True, False)

    assert remembered("a", find, file) == remembered("a", find, file) == Setting(2, True, False)
    assert len(asked) == 1
    for damaged in (b"{", b"[]", json.dumps({"a": {"batch": "many"}}).encode(), b'{"a": 3}'):
        file.write_bytes(damaged)
        assert remembered("a", find, file) == Setting(2, True, False)
    assert len(asked) == 5
    assert list(file.parent.iterdir()) == [file]


def test_memory_is_estimated_above_what_one_layer_takes():
    network = nn.Sequential(nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 1, 1))
    assert bytes_per_voxel(network, torch.zeros(2, 1, 16, 16)) == 4 * (8 + 8 + 1)


def test_out_of_memory_is_known_by_its_several_names():
    assert is_out_of_memory(MemoryError())
    assert is_out_of_memory(torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB"))
    assert is_out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"))
    assert not is_out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not is_out_of_memory(ValueError("out of memory"))
