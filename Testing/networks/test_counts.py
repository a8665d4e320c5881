"""The published table, to the digit."""

from pathlib import Path

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


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("UNet3D", 4_806_481),
        ("SwinUNETR", 15_703_004),
        ("XceptionGate", 455_041),
        ("UNet-Narrow", 1_942_306),
        ("ResidualUNet3D-Summed", 1_356_627),
        ("UNet3D-Dilated", 1_402_561),
    ],
)
def test_a_network_of_the_other_systems_keeps_the_parameters_that_its_models_on_disk_have(name, parameters):
    assert counting.count(name)[0] == parameters


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
        ("ResidualUNet3D-Summed", (2, 4, 16, 24, 8), {"widths": [4, 8, 12, 16], "output_channels": 3}),
        ("UNet3D-Dilated", (1, 4, 16, 24, 8), {"widths": [4, 8, 12, 16]}),
        ("UNet-Narrow", (2, 3, 32, 48), {"input_channels": 3, "base_filters": 4}),
        ("XceptionGate", (2, 1, 32, 48), {"widths": [4, 8, 12, 16]}),
        ("UNet3D", (2, 1, 32, 16, 48), {"widths": [4, 8, 8, 8, 8]}),
        ("SwinUNETR", (1, 1, 64, 32, 32), {"feature_size": 12}),
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


@pytest.fixture(scope="module")
def table() -> list[dict]:
    return counting.table()


def test_the_readme_shows_what_the_command_prints(table):
    from LungTumorSegLib.command.networks import markdown_table

    readme = Path(counting.__file__).parents[3] / "README.md"
    assert markdown_table(table) in readme.read_text()


def test_the_table_has_a_row_for_each_network_and_says_which_keep_the_limit(table):
    rows = {row["name"]: row for row in table}
    assert list(rows) == catalogue.names()
    kept = {name for name, row in rows.items() if row["within_limit"]}
    assert kept == {"ENet", "ENet-Skip", "ENet-CBAM-Skip", "ENet-CBAM-Skip-Fine", "XceptionGate"}
    assert rows["ResidualUNet3D"]["within_limit"] is None
    assert rows["ENet-CBAM-Skip-Fine"]["input"] == "5 x 256 x 256"
