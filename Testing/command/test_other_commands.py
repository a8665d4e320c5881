"""`networks`, `measure`, `phantom`, and the command as a whole."""

import json


def test_networks_prints_the_published_table(lungtumorseg):
    rows = {row["name"]: row for row in json.loads(lungtumorseg("networks", "--json").stdout)}
    assert rows["ENet-CBAM-Skip"]["parameters"] == 430_052
    assert rows["ENet-CBAM-Skip"]["within_limit"] is True
    assert rows["UNet"]["within_limit"] is False
    table = lungtumorseg("networks", COLUMNS="160").stdout
    assert "549.04 M" in table
    assert "42.35 G" in table


def test_the_sample_ct_is_the_same_every_time(lungtumorseg, sample, tmp_path):
    assert lungtumorseg("phantom", tmp_path).returncode == 0
    assert (tmp_path / "ct.nii.gz").read_bytes() == (sample / "ct.nii.gz").read_bytes()


def test_measure_prints_a_row_a_lesion(lungtumorseg, sample):
    done = lungtumorseg("measure", sample / "truth.nii.gz", COLUMNS="120")
    assert done.returncode == 0
    assert done.stdout.count(" mL") == 3


def test_measure_refuses_a_ct_in_one_line(lungtumorseg, sample):
    done = lungtumorseg("measure", sample / "ct.nii.gz")
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1


def test_every_command_has_help_and_the_disclaimer_stands_on_the_first_page(lungtumorseg):
    first = lungtumorseg("--help").stdout
    assert "Research software, not a medical device" in first
    for command in ("segment", "measure", "networks", "phantom", "worker"):
        assert command in first
        assert lungtumorseg(command, "--help").returncode == 0


def test_an_unknown_option_is_refused(lungtumorseg):
    assert lungtumorseg("segment", "--nonsense").returncode == 2
