"""`networks`, `measure`, `phantom`, and the command as a whole."""

import json

import pytest

from LungTumorSegLib.command.version import version


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
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [row[0] for row in rows if row and row[-1] in ("yes", "no")] == ["1", "2", "3"]


def test_a_narrow_terminal_says_which_columns_it_has_no_room_for(lungtumorseg, sample):
    done = lungtumorseg("measure", sample / "truth.nii.gz", "--ct", sample / "ct.nii.gz", COLUMNS="70")
    assert "no room here for WHO" in done.stdout
    assert max(len(line) for line in done.stdout.splitlines()[:8]) <= 70


def test_measure_with_a_ct_says_density_side_and_place(lungtumorseg, sample):
    done = lungtumorseg("measure", sample / "truth.nii.gz", "--ct", sample / "ct.nii.gz", "--node", "2", "--json")
    lesions = json.loads(done.stdout)["lesions"]
    assert all(lesion["side"] in ("left", "right") for lesion in lesions)
    assert all(-700 < lesion["mean_hu"] < 100 and 0 < lesion["solid_share"] <= 1 for lesion in lesions)
    assert [lesion["node"] for lesion in lesions] == [False, True, False]


def test_measure_refuses_labels_for_a_probability(lungtumorseg, sample):
    done = lungtumorseg("measure", sample / "truth.nii.gz", "--probability", sample / "truth.nii.gz")
    assert done.returncode == 2
    assert "outside 0..1" in done.stderr.splitlines()[-1]


def test_a_mask_is_no_error_away_from_itself(lungtumorseg, sample):
    done = lungtumorseg("measure", sample / "truth.nii.gz", "--reference", sample / "truth.nii.gz", "--json")
    metrics = json.loads(done.stdout)["challenge"]
    assert metrics["dice"] == 1
    assert metrics["relative_volume_error"] == metrics["recist_error_axial"] == metrics["recist_error_3d"] == 0


def test_measure_keeps_the_numbers_of_a_result(lungtumorseg, sample):
    done = lungtumorseg("measure", sample / "truth.nii.gz", "--label", "2", "--keep", "--json")
    assert len(json.loads(done.stdout)["lesions"]) == 1


def test_measure_leaves_out_what_is_shorter_and_keeps_the_others_numbers(lungtumorseg, sample):
    def lesions(*arguments):
        done = lungtumorseg("measure", sample / "truth.nii.gz", "--keep", "--json", *arguments)
        return {lesion["id"]: lesion["long_axis_mm"] for lesion in json.loads(done.stdout)["lesions"]}

    every = lesions()
    middle = sorted(every.values())[1]
    assert lesions("--smallest", middle) == {n: mm for n, mm in every.items() if mm >= middle}
    assert lesions("--smallest", 500) == {}


@pytest.mark.parametrize("smallest", ["nan", "-1"])
@pytest.mark.parametrize("command", [["measure"], ["measure", "--keep"], ["segment", "-o", "OUT"]])
def test_a_smallest_size_that_is_none_is_refused(lungtumorseg, sample, tmp_path, command, smallest):
    words = [tmp_path / "out" if word == "OUT" else word for word in command]
    done = lungtumorseg(*words, sample / "truth.nii.gz", "--smallest", smallest)
    assert done.returncode == 2
    assert done.stderr == "lungtumorseg: --smallest must be 0 mm or more.\n"
    assert list(tmp_path.iterdir()) == []


def test_measure_refuses_a_mark_on_no_lesion_in_one_line(lungtumorseg, sample):
    done = lungtumorseg("measure", sample / "truth.nii.gz", "--node", "9")
    assert done.returncode == 2
    assert (
        done.stderr.splitlines()[-1] == "lungtumorseg: --node 9: there is no such lesion; the first column names them"
    )


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


def test_the_version_is_said_without_a_command(lungtumorseg):
    done = lungtumorseg("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"lungtumorseg {version()}\n"


def test_an_unknown_option_is_refused(lungtumorseg):
    assert lungtumorseg("segment", "--nonsense").returncode == 2


def test_a_mistyped_dataset_is_no_empty_one(lungtumorseg, tmp_path):
    done = lungtumorseg("case", "list", tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert "no folder of that name" in done.stderr
    assert lungtumorseg("case", "list", tmp_path).stdout == "0 cases of 0 patients\n"
