"""The published table, to the digit."""

import pytest
import torch

from LungTumorSegLib.networks import catalogue, counting

PUBLISHED = {
    "UNet": (7_781_761, "42.35 G"),
    "SegNet": (9_374_593, "26.68 G"),
    "ENet": (348_852, "490.92 M"),
    "ENet-Skip": (360_628, "547.28 M"),
    "ENet-CBAM-Skip": (430_052, "549.04 M"),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_a_published_network_has_the_published_parameters_and_multiply_adds(name):
    parameters, work = counting.count(name)
    assert (parameters, counting.printed(work)) == PUBLISHED[name]
    published_parameters, published_work = catalogue.entry(name).published
    assert (published_parameters, counting.printed(published_work)) == PUBLISHED[name]


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_the_fine_network_keeps_the_limit_of_700_million_multiply_adds_a_slice(channels):
    _, work = counting.count("ENet-CBAM-Skip-Fine", input_channels=channels)
    assert work <= counting.SLICE_LIMIT == 700_000_000


@pytest.mark.parametrize(
    ("name", "shape", "arguments"),
    [
        ("UNet", (1, 1, 64, 40), {}),
        ("SegNet", (3, 3, 32, 48), {"input_channels": 3}),
        ("ENet", (2, 1, 136, 64), {}),
        ("ENet-CBAM-Skip", (4, 5, 64, 72), {"input_channels": 5}),
        ("ENet-CBAM-Skip-Fine", (2, 3, 256, 8), {"input_channels": 3}),
        ("ResidualUNet3D", (2, 3, 16, 24, 8), {"widths": [4, 8, 12, 16]}),
    ],
)
def test_counting_by_shape_equals_torchinfo(name, shape, arguments):
    import torchinfo

    network = catalogue.build(name, **arguments)
    expected = torchinfo.summary(network, input_size=shape, device="cpu", verbose=0).total_mult_adds
    assert counting.multiply_adds(name, shape, **arguments) == expected


def test_counting_refuses_a_shape_that_the_network_cannot_take():
    with pytest.raises(ValueError, match="sides of 8n"):
        counting.multiply_adds("ENet", (1, 1, 100, 64))
    with pytest.raises(ValueError, match="3D"):
        counting.multiply_adds("ResidualUNet3D", (1, 3, 64, 64))


def test_counting_leaves_the_random_state_alone():
    counting.costs.cache_clear()
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    counting.multiply_adds("ENet", (1, 1, 64, 64))
    assert torch.equal(torch.rand(3), expected)


def test_the_table_has_a_row_for_each_network_and_says_which_keep_the_limit():
    rows = {row["name"]: row for row in counting.table()}
    assert list(rows) == catalogue.names()
    kept = {name for name, row in rows.items() if row["within_limit"]}
    assert kept == {"ENet", "ENet-Skip", "ENet-CBAM-Skip", "ENet-CBAM-Skip-Fine"}
    assert rows["ResidualUNet3D"]["within_limit"] is None
    assert rows["ENet-CBAM-Skip-Fine"]["input"] == "5 x 256 x 256"
