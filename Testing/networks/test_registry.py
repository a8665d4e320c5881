"""The user's models: a name means the last one promoted, and the way back is one step."""

import json
import os

import pytest

from LungTumorSegLib.errors import InputRefused
from LungTumorSegLib.networks import model, registry
from LungTumorSegLib.networks.registry import folder_of, names_in_use, put_in, read_state, roll_back


def fill(text: str):
    return lambda folder, version: (folder / "model.json").write_text(f"{text} {version}")


@pytest.fixture
def own(tmp_path, monkeypatch):
    """A registry of two versions, and the one that the program looks into."""
    folder = tmp_path / "models"
    monkeypatch.setenv(registry.VARIABLE, str(folder))
    put_in(folder, "site-prompted", fill("first"), "a.json")
    put_in(folder, "site-prompted", fill("second"), "b.json")
    return folder


def test_a_name_means_the_last_version_and_every_version_keeps_its_own(own):
    assert names_in_use(own) == {"site-prompted": "site-prompted-2"}
    assert (folder_of("site-prompted", own) / "model.json").read_text() == "second site-prompted-2"
    assert (folder_of("site-prompted-1", own) / "model.json").read_text() == "first site-prompted-1"


def test_going_back_is_one_step_and_history_is_kept(own):
    assert roll_back(own, "site-prompted") == ("site-prompted-2", "site-prompted-1")
    assert names_in_use(own) == {"site-prompted": "site-prompted-1"}
    assert (own / "site-prompted-2" / "model.json").exists(), "what was promoted is never thrown away"
    assert roll_back(own, "site-prompted") == ("site-prompted-1", None)
    assert names_in_use(own) == {}
    told = [(each["what"], each["model"], each["instead_of"]) for each in read_state(own)["history"]]
    assert told == [
        ("promoted", "site-prompted-1", None),
        ("promoted", "site-prompted-2", "site-prompted-1"),
        ("rolled back", "site-prompted-1", "site-prompted-2"),
        ("rolled back", None, "site-prompted-1"),
    ]


def test_a_version_that_was_rolled_back_does_not_give_its_number_away(own):
    roll_back(own, "site-prompted")
    assert put_in(own, "site-prompted", fill("third"), "c.json") == "site-prompted-3"


def test_no_name_is_another_models_version(own):
    with pytest.raises(InputRefused, match="site-prompted-1 is a version of site-prompted"):
        put_in(own, "site-prompted-1", fill("shadow"), "c.json")
    put_in(own, "other-1", fill("one"), "d.json")
    assert put_in(own, "other", fill("two"), "e.json") == "other-2", "other-1 is a name in use"
    assert (folder_of("other-1", own) / "model.json").read_text() == "one other-1-1"
    assert (folder_of("other", own) / "model.json").read_text() == "two other-2"


def test_what_stops_a_promotion_leaves_everything_as_it_was(own):
    before = sorted(own.iterdir()), (own / "current.json").read_bytes()

    def stop(folder, version):
        (folder / "weights").write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        put_in(own, "site-prompted", stop, "c.json")
    assert (sorted(own.iterdir()), (own / "current.json").read_bytes()) == before


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_promotions_at_the_same_time_are_all_kept_or_refused_in_one_line(tmp_path):
    children = {}
    for number in range(8):
        child = os.fork()
        if child == 0:
            try:
                put_in(tmp_path, "site", fill(str(number)), "r")
            except InputRefused:
                os._exit(2)
            os._exit(0)
        children[child] = number
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert set(codes) <= {0, 2}
    state = read_state(tmp_path)
    assert len(state["models"]["site"]) == len(state["history"]) == codes.count(0) >= 1
    assert all((tmp_path / version / "model.json").exists() for version in state["models"]["site"])
    assert [path for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_lock_that_a_killed_process_left_counts_for_a_minute(own):
    (own / "current.lock").touch()
    with pytest.raises(InputRefused, match="another promotion"):
        roll_back(own, "site-prompted")
    os.utime(own / "current.lock", (0, 0))
    roll_back(own, "site-prompted")


@pytest.mark.parametrize(
    "content",
    [
        "no json",
        "[]",
        json.dumps({"version": 2, "models": {}, "history": []}),
        json.dumps({"version": 1, "models": {"site": ["../../elsewhere-1"]}, "history": []}),
        json.dumps({"version": 1, "models": {"../site": ["../site-1"]}, "history": []}),
        json.dumps({"version": 1, "models": {"site": []}, "history": []}),
    ],
)
def test_a_file_that_is_damaged_or_points_elsewhere_is_refused(own, content):
    (own / "current.json").write_text(content)
    with pytest.raises(InputRefused, match="mend it"):
        folder_of("site", own)


def test_a_promoted_model_is_found_by_its_name_and_never_hides_one_of_the_program(own):
    put_in(own, "automatic", fill("other"), "r")
    assert model.find("site-prompted") == own / "site-prompted-2"
    assert model.find("automatic") == model.MODELS / "automatic"
    with pytest.raises(InputRefused, match="site-prompted"):
        model.find("nobody")


def test_without_a_registry_nothing_is_in_use(tmp_path):
    assert names_in_use(tmp_path / "none") == {}
    with pytest.raises(InputRefused):
        roll_back(tmp_path / "none", "site")
