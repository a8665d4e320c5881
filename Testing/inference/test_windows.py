"""The sliding window gives what MONAI's gives."""

import numpy as np
import pytest
import torch
from monai.inferers import SliceInferer, sliding_window_inference
from torch import nn

from LungTumorSegLib.inference.windows import slide, window_starts

CASES = [
    # shape, window, overlap
    ((20, 40, 48), (8, 16, 16), 0.25),
    ((17, 33, 41), (8, 16, 16), 0.5),
    ((13, 15, 19), (7, 9, 11), 0.8),
    ((5, 40, 13), (8, 16, 16), 0.5),  # smaller than a window along two axes
    ((8, 16, 16), (8, 16, 16), 0.25),  # one window
    ((9, 17, 17), (8, 16, 16), 0.0),
    ((3, 5, 9), (2, 3, 4), 0.9),  # an interval of less than a voxel counts as one
]


def network_3d() -> nn.Module:
    """What it says depends on where in its window a voxel lies."""
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv3d(1, 4, 3, padding=1), nn.BatchNorm3d(4), nn.ReLU(), nn.Conv3d(4, 1, 3, padding=1)
    ).eval()


@pytest.mark.parametrize(("shape", "window", "overlap"), CASES)
@pytest.mark.parametrize("weighting", ["gaussian", "constant"])
@torch.inference_mode()
def test_the_result_equals_monais_on_the_same_windows(shape, window, overlap, weighting):
    network = network_3d()
    volume = torch.rand(shape, generator=torch.Generator().manual_seed(0))
    wanted = sliding_window_inference(volume[None, None], window, 1, network, overlap, weighting)[0, 0]
    slid = slide(volume, window, network, overlap=overlap, weighting=weighting, batch=3)
    assert (slid.logits - wanted).abs().max() <= 1e-5


@pytest.mark.parametrize("overlap", [0.25, 0.6])
@torch.inference_mode()
def test_slices_with_windows_in_the_plane_equal_monais_slice_inferer(overlap):
    torch.manual_seed(1)
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1)).eval()
    volume = torch.rand((5, 37, 50), generator=torch.Generator().manual_seed(0))
    infer = SliceInferer(spatial_dim=0, roi_size=(16, 24), sw_batch_size=1, overlap=overlap, mode="gaussian")
    wanted = infer(volume[None, None], network)[0, 0]
    slid = slide(volume, (1, 16, 24), network, overlap=overlap, batch=4, adjacent=1)
    assert (slid.logits - wanted).abs().max() <= 1e-5


@torch.inference_mode()
def test_whole_slices_equal_a_plain_forward_pass():
    network = nn.Conv2d(5, 1, 3, padding=1)
    volume = torch.rand((7, 16, 24))
    rows = np.clip(np.arange(7)[:, None] + np.arange(-2, 3), 0, 6)
    slid = slide(volume, (1, 16, 24), network, batch=3, adjacent=5)
    assert (slid.logits - network(volume[rows])[:, 0]).abs().max() <= 1e-5
    assert slid.windows == 7


@torch.inference_mode()
def test_leaving_windows_out_changes_nothing_in_the_region_whose_windows_all_ran():
    network = network_3d()
    volume = torch.rand((24, 40, 40), generator=torch.Generator().manual_seed(0))
    first, last = np.array([3, 9, 4]), np.array([12, 20, 17])

    def touching(starts):
        return ((starts <= last) & (starts + np.array([8, 16, 16]) > first)).all(1)

    whole = slide(volume, (8, 16, 16), network, overlap=0.5)
    part = slide(volume, (8, 16, 16), network, overlap=0.5, wanted=touching)
    region = tuple(slice(a, b + 1) for a, b in zip(first, last, strict=True))
    assert part.windows < whole.windows
    assert torch.equal(part.logits[region], whole.logits[region])
    assert (part.logits == -torch.inf).any()


def test_windows_cover_every_voxel_and_stay_inside():
    for shape, window, overlap in CASES:
        shape = tuple(max(n, side) for n, side in zip(shape, window, strict=True))
        covered = np.zeros(shape, int)
        for start in window_starts(shape, window, overlap):
            part = tuple(slice(a, a + side) for a, side in zip(start, window, strict=True))
            assert covered[part].shape == window
            covered[part] += 1
        assert covered.min() >= 1


@torch.inference_mode()
def test_when_memory_runs_out_the_batch_is_halved_and_the_result_stays():
    network = network_3d()
    volume = torch.rand((16, 32, 32))

    def small_memory(inputs):  # a fake: no machine of the tests runs out of memory so obligingly
        if len(inputs) > 2:
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory")
        return network(inputs)

    slid = slide(volume, (8, 16, 16), small_memory, overlap=0.5, batch=8)
    assert slid.batch == 2
    assert (slid.logits - slide(volume, (8, 16, 16), network, overlap=0.5, batch=8).logits).abs().max() <= 1e-5


def test_an_error_that_is_not_about_memory_is_not_taken_for_one():
    def broken(inputs):
        raise RuntimeError("expected scalar type Float but found Half")

    with pytest.raises(RuntimeError, match="scalar type"):
        slide(torch.zeros(8, 16, 16), (8, 16, 16), broken)
