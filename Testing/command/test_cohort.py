"""A folder of scans as a person or a cluster runs it: real processes, real workers, the bundled model."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from LungTumorSegLib.cases.cohort import Cohort, find_cohort
from LungTumorSegLib.cases.scan import Scan
from LungTumorSegLib.command import cohort as cohorts
from LungTumorSegLib.command.asked import Asked
from LungTumorSegLib.command.cohort import CohortProgress, is_done, one_case, without_names
from LungTumorSegLib.command.cohort_table import DONE, FAILED, CaseOutcome, forget_earlier, write_tables
from LungTumorSegLib.command.progress import ProgressLine
from LungTumorSegLib.command.shard import Shard
from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.volume.writing import write_volume

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "inference"))

from made_chest import made_chest

GOOD = {"Canary-A": 60.0, "Canary-B": -70.0}
PROGRAM = Path(sys.executable).with_name("lungtumorseg")


def write_scans(folder: Path) -> Path:
    folder.mkdir()
    for name, x in GOOD.items():
        write_volume(folder / f"{name}.nii.gz", made_chest(tumours=((x, 0.0, 0.0, 14.0),)))
    (folder / "Canary-C.nii.gz").write_bytes(b"no scan at all")
    return folder


@pytest.fixture(autouse=True, scope="module")
def one_thread_each():
    """Several processes at once, on whatever the machine has to spare."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        yield


@pytest.fixture(scope="module")
def scans(tmp_path_factory) -> Path:
    return write_scans(tmp_path_factory.mktemp("cohort") / "scans")


@pytest.fixture(scope="module")
def first(lungtumorseg, scans):
    """The whole cohort once, and what the command said."""
    out = scans.parent / "out"
    return out, lungtumorseg("segment", scans, "-o", out)


def table(folder: Path) -> list[dict]:
    with (folder / "cohort.csv").open(newline="") as lines:
        return list(csv.DictReader(lines))


def written(folder: Path) -> dict[str, int]:
    whole = (path for path in folder.glob("*/run.json") if path.parent.name[0] != ".")
    return {path.parent.name: path.stat().st_mtime_ns for path in whole}


def test_every_scan_gets_a_folder_and_one_that_fails_stops_no_other(first):
    out, done = first
    assert done.returncode == 3, done.stderr
    assert sorted(path.name for path in out.iterdir()) == ["Canary-A", "Canary-B", "cohort.csv", "cohort.json"]
    for name in GOOD:
        assert {file.name for file in (out / name).iterdir()} == {
            "segmentation.nii.gz", "lesions.nii.gz", "probability.nii.gz", "lesions.json", "run.json", "overview.png",
        }  # fmt: skip
    rows = table(out)
    assert [(row["case"], row["status"]) for row in rows if row["status"] == FAILED] == [("Canary-C", FAILED)]
    assert "NIfTI" in rows[-1]["failure"]


def test_the_tables_say_what_the_cases_say(first):
    out, _done = first
    rows = Counter(row["case"] for row in table(out) if row["status"] == DONE)
    facts = json.loads((out / "cohort.json").read_text())
    assert (facts["cases"], facts["done"], facts["failed"], facts["not_reached"]) == (3, 2, 1, 0)
    for case in facts["results"][:2]:
        lesions = json.loads((out / case["case"] / "lesions.json").read_text())["lesions"]
        assert case["lesions"] == lesions
        assert len(lesions) == rows[case["case"]] > 0


def test_nothing_that_is_printed_names_a_case(first):
    _out, done = first
    assert "case 3: failed" in done.stderr
    assert "Canary" not in done.stderr + done.stdout.replace("cohort", "")


def test_what_is_done_is_skipped_and_a_changed_scan_is_done_again(lungtumorseg, first):
    out, _done = first
    before = written(out)
    scans = out.parent / "scans"
    write_volume(scans / "Canary-B.nii.gz", made_chest(tumours=((80.0, 0.0, 0.0, 14.0),)))
    again = lungtumorseg("segment", scans, "-o", out)
    assert "2 of 3 scans done (1 before), 1 failed." in again.stdout
    assert written(out)["Canary-A"] == before["Canary-A"]
    assert written(out)["Canary-B"] > before["Canary-B"]


def test_other_options_another_model_or_image_are_not_done(first):
    case = first[0] / "Canary-A"
    run = json.loads((case / "run.json").read_text())
    model, image = run["model_fingerprint"], [run["image_sha256"]]
    asked = Asked("automatic", {"device": "auto"})
    assert is_done(case, asked, model, image)
    assert is_done(case, replace(asked, options={"device": "cpu"}), model, image), "where it ran does not matter"
    for other in ({"options": {"threshold": 0.6}}, {"smallest": 5.0}, {"explain": True}, {"hu_offset": -1024}):
        assert not is_done(case, replace(asked, **other), model, image)
    assert not is_done(case, asked, "another", image)
    assert not is_done(case, asked, None, image), "a worker that cannot tell its model"
    assert not is_done(case, asked, model, ["another"])
    assert not is_done(case, asked, model, [*image, "of a further image"])
    assert not is_done(first[0] / "Canary-C", asked, model, image)


def test_torchrun_shares_the_cases_among_its_ranks(scans, tmp_path):
    words = [Path(sys.executable).with_name("torchrun"), "--nproc-per-node", "2", "--no-python"]
    words += [PROGRAM, "segment", write_scans(tmp_path / "scans"), "-o", tmp_path / "out"]
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=900, check=False)
    assert "rank 0 of 2" in done.stderr
    assert "rank 1 of 2" in done.stderr
    assert set(written(tmp_path / "out")) == set(GOOD)
    assert [row["case"] for row in table(tmp_path / "out")][-1] == "Canary-C"
    facts = json.loads((tmp_path / "out" / "cohort.json").read_text())
    assert (facts["done"], facts["failed"], facts["not_reached"]) == (2, 1, 0)
    assert done.returncode != 0, "the rank that completed the table tells of the failed case"


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
def test_ctrl_c_leaves_whole_cases_and_a_table(tmp_path, number):
    scans, out = write_scans(tmp_path / "scans"), tmp_path / "out"
    words = [str(word) for word in (PROGRAM, "segment", scans, "-o", out)]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not written(out) and running.poll() is None:
        time.sleep(0.02)
    running.send_signal(number)
    said, errors = running.communicate(timeout=300)
    assert running.returncode == 130, errors
    assert "goes on where it stopped" in said
    assert [row["status"] for row in table(out)] == [DONE, "not reached", "not reached"]
    assert sorted(path.name for path in out.iterdir()) == ["Canary-A", "cohort.csv", "cohort.json"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--point", "1,2,3"], "one scan"), (["--series", "2"], "one scan"), (["-o", "SCANS"], "among the scans")],
)
def test_what_belongs_to_one_scan_is_refused_for_many(lungtumorseg, scans, tmp_path, arguments, says):
    words = [scans if word == "SCANS" else word for word in arguments]
    done = lungtumorseg("segment", scans, "-o", tmp_path / "out", *words)
    assert done.returncode == 2
    assert says in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_place_that_cannot_be_written_to_is_refused_before_a_model_is_loaded(lungtumorseg, scans, tmp_path):
    (tmp_path / "file").write_text("in the way")
    done = lungtumorseg("segment", scans, "-o", tmp_path / "file" / "out")
    assert done.returncode == 2
    assert (
        done.stderr
        == f"lungtumorseg: cannot write to {tmp_path / 'file' / 'out'}: Not a directory; choose another folder\n"
    )


def test_ranks_that_write_at_the_same_time_leave_one_table_of_all_cases(tmp_path):
    if not hasattr(os, "fork"):
        pytest.skip("needs fork")
    ranks, facts = 4, {"cases": 60}
    for seed in range(2):
        out = tmp_path / str(seed)
        out.mkdir()
        children = []
        for rank in range(ranks):
            child = os.fork()
            if child == 0:
                time.sleep(random.Random(f"{seed}{rank}").random() * 0.01)
                own = [CaseOutcome(n + 1, f"case-{n:02}", DONE) for n in range(rank, 60, ranks)]
                write_tables(out, own, Shard(rank, ranks), facts)
                os._exit(0)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * ranks
        assert [row["case"] for row in table(out)] == [f"case-{n:02}" for n in range(60)]
        assert json.loads((out / "cohort.json").read_text())["not_reached"] == 0


def test_a_rank_that_is_done_first_does_not_join_what_others_wrote_the_last_time(tmp_path):
    facts = {"cases": 2}
    write_tables(tmp_path, [CaseOutcome(2, "b", FAILED, "old")], Shard(1, 2), facts)
    for rank in range(2):
        forget_earlier(tmp_path, Shard(rank, 2))
    known = write_tables(tmp_path, [CaseOutcome(1, "a", DONE)], Shard(0, 2), facts)
    assert [outcome.case for outcome in known] == ["a"]
    assert len(write_tables(tmp_path, [CaseOutcome(2, "b", DONE)], Shard(1, 2), facts)) == 2
    assert [row["status"] for row in table(tmp_path)] == [DONE, DONE]


def test_a_rank_forgets_what_it_wrote_itself_and_nothing_else(tmp_path):
    for facts in ({"cases": 2}, {"cases": 2, "model": "another"}):
        for shard in (Shard(0, 2), Shard(1, 2), Shard(0, 3)):
            write_tables(tmp_path, [CaseOutcome(shard.rank + 1, "a", DONE)], shard, facts)
    forget_earlier(tmp_path, Shard(0, 2))
    assert Counter(file.name for file in (tmp_path / ".shards").glob("*/*")) == {"1-of-2.json": 2, "0-of-3.json": 2}


def test_a_rank_that_begins_again_forgets_before_its_model_is_loaded(lungtumorseg, scans, tmp_path):
    write_tables(tmp_path, [CaseOutcome(1, "a", FAILED, "old")], Shard(0, 2), {"cases": 2})
    done = lungtumorseg("segment", scans, "-o", tmp_path, "--model", "no-such-model", RANK="0", WORLD_SIZE="2")
    assert done.returncode == 2
    assert list((tmp_path / ".shards").glob("*/*")) == []


def test_ranks_of_another_job_are_not_joined(tmp_path):
    facts = {"cases": 2}
    write_tables(tmp_path, [CaseOutcome(2, "b", FAILED, "old")], Shard(1, 2, run="17"), facts)
    known = write_tables(tmp_path, [CaseOutcome(1, "a", DONE)], Shard(0, 2, run="18"), facts)
    assert [outcome.case for outcome in known] == ["a"]
    assert "run" not in json.loads((tmp_path / "cohort.json").read_text())


def test_ranks_of_another_run_are_not_joined(tmp_path):
    write_tables(tmp_path, [CaseOutcome(1, "a", FAILED, "old")], Shard(0, 2), {"cases": 2, "model": "old"})
    write_tables(tmp_path, [CaseOutcome(2, "b", DONE)], Shard(1, 2), {"cases": 2, "model": "new"})
    assert [row["case"] for row in table(tmp_path)] == ["b"]
    assert json.loads((tmp_path / "cohort.json").read_text())["not_reached"] == 1


def test_a_name_that_is_not_utf_8_fails_in_one_line_that_every_table_can_hold(tmp_path):
    odd = tmp_path / os.fsdecode(b"M\xfcller.nii.gz")
    try:
        odd.write_bytes(b"")
    except (OSError, UnicodeError):
        pytest.skip("this system's file names are UTF-8")
    write_volume(tmp_path / "plain.nii.gz", made_chest())
    (tmp_path / "plain.nii.gz").rename(odd)
    (scan,) = find_cohort(tmp_path).scans
    progress = CohortProgress(ProgressLine(), 1)
    model = {"fingerprint": "f", "channels": ["CT"]}
    outcome = one_case(None, 1, scan, tmp_path / "out" / scan.name, Asked("automatic", {}), model, progress)
    assert (outcome.status, outcome.failure) == (FAILED, "The file's name is not UTF-8: rename the file.")
    write_tables(tmp_path, [outcome], Shard(), {"folder": str(odd), "cases": 1})
    assert [(row["case"], row["failure"]) for row in table(tmp_path)] == [("M_ller", outcome.failure)]
    assert json.loads((tmp_path / "cohort.json").read_text())["failed"] == 1


def test_a_line_loses_the_names_and_no_other_letters():
    scan, output = Scan("Al", Path("in/Al/a.nii.gz")), Path("out/Al")
    assert without_names("out/Al: Also a.nii.gz in Al_1, at in/Al/a.nii.gz.", scan, output) == (
        "its folder: Also its file in its folder_1, at its file."
    )


class LoadingClient:
    """Loads a model, and is not asked for more."""

    def __init__(self, launch):
        pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def load(self, model, on_progress):
        return None

    def wait(self, request):
        return SimpleNamespace(meta={"fingerprint": "loaded", "channels": ["CT"]})


def test_tables_that_cannot_be_written_are_one_line_that_says_what_stays(tmp_path, monkeypatch):
    """A folder in the table's place stands for the full disk: the file system refuses the last step."""
    monkeypatch.setattr(cohorts, "WorkerClient", LoadingClient)
    (tmp_path / "out" / "cohort.csv").mkdir(parents=True)
    scan = Scan("Canary", tmp_path / "Canary.nii.gz", problem="no scan at all")
    with pytest.raises(InputRefused, match=r"^the tables could not be written: .*; the scans that are done stay; "):
        cohorts.segment_cohort(Cohort((scan,), "scans"), tmp_path, tmp_path / "out", Asked("automatic", {}), None)
    assert [path.name for path in (tmp_path / "out").glob(".*")] == []


@pytest.mark.parametrize(
    ("name", "line", "told"),
    [
        ("2", "The folder holds 2 images, 12 slices", "The folder holds 2 images, 12 slices"),
        ("old", "The folder holds images", "The folder holds images"),
        ("Canary", "Canary.nii.gz in Canary: not Canary.", "its file in its folder: not its folder."),
        ("Canary-A", ".Canary-A-x1: full", ".its folder-x1: full"),
        ("0012345", "patient 0012345 has no scan", "patient its folder has no scan"),
        ("Canary", "/scans/Canary.nii.gz and /out/Canary/run.json", "its file and its folder/run.json"),
    ],
)
def test_names_are_taken_out_of_a_line_where_they_are_words_of_their_own(name, line, told):
    scan = Scan(name, Path(f"/scans/{name}.nii.gz"))
    assert cohorts.without_names(line, scan, Path("/out") / name) == told
