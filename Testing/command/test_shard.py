"""Which cases a process does, by what its starter says."""

import pytest

from LungTumorSegLib.command.shard import Shard, own_card, shard_of
from LungTumorSegLib.errors import InputRefused


@pytest.mark.parametrize(
    ("environment", "rank", "of"),
    [
        ({}, 0, 1),
        ({"RANK": "2", "WORLD_SIZE": "4"}, 2, 4),
        ({"SLURM_ARRAY_TASK_ID": "3", "SLURM_ARRAY_TASK_COUNT": "4"}, 3, 4),
        ({"SLURM_ARRAY_TASK_ID": "4", "SLURM_ARRAY_TASK_COUNT": "4", "SLURM_ARRAY_TASK_MIN": "1"}, 3, 4),
        (
            {
                "SLURM_ARRAY_TASK_ID": "20",
                "SLURM_ARRAY_TASK_COUNT": "3",
                "SLURM_ARRAY_TASK_MIN": "0",
                "SLURM_ARRAY_TASK_STEP": "10",
            },
            2,
            3,
        ),
        ({"RANK": "0", "WORLD_SIZE": "2", "SLURM_ARRAY_TASK_ID": "7", "SLURM_ARRAY_TASK_COUNT": "9"}, 0, 2),
    ],
)
def test_rank_and_number_come_from_the_starter(environment, rank, of):
    shard = shard_of(environment)
    assert (shard.rank, shard.of) == (rank, of)


@pytest.mark.parametrize(
    ("environment", "run"),
    [
        ({}, ""),
        ({"RANK": "0", "WORLD_SIZE": "2"}, ""),
        ({"RANK": "0", "WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "7c1d"}, "7c1d"),
        ({"RANK": "0", "WORLD_SIZE": "2", "SLURM_JOB_ID": "5"}, ""),
        ({"SLURM_ARRAY_TASK_ID": "0", "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_ARRAY_JOB_ID": "5"}, "5"),
    ],
)
def test_the_run_is_what_the_starter_calls_it_for_all_its_ranks(environment, run):
    assert shard_of(environment).run == run


@pytest.mark.parametrize(
    "environment",
    [
        {"RANK": "1"},
        {"WORLD_SIZE": "2"},
        {"RANK": "2", "WORLD_SIZE": "2"},
        {"RANK": "-1", "WORLD_SIZE": "2"},
        {"RANK": "one", "WORLD_SIZE": "2"},
        {"SLURM_ARRAY_TASK_ID": "5", "SLURM_ARRAY_TASK_COUNT": "4"},
    ],
)
def test_what_does_not_fit_together_is_refused(environment):
    with pytest.raises(InputRefused):
        shard_of(environment)


@pytest.mark.parametrize(("cases", "of"), [(0, 3), (1, 3), (7, 3), (9, 1)])
def test_every_case_is_in_one_share_and_shares_differ_by_one_at_most(cases, of):
    shares = [Shard(rank, of).share(range(cases)) for rank in range(of)]
    assert sorted(case for share in shares for _, case in share) == list(range(cases))
    assert all(place == case for share in shares for place, case in share)
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_ranks_on_one_machine_take_turns_at_its_cards(tmp_path):
    for card in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / card).mkdir()
    ranks = [{"LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": "3"} for rank in range(3)]
    assert [own_card(rank, tmp_path)["CUDA_VISIBLE_DEVICES"] for rank in ranks] == ["0", "1", "0"]
    chosen = [own_card({**rank, "CUDA_VISIBLE_DEVICES": "5,7"}, tmp_path)["CUDA_VISIBLE_DEVICES"] for rank in ranks]
    assert chosen == ["5", "7", "5"]


def test_one_rank_or_one_card_is_left_as_it_is(tmp_path):
    (tmp_path / "0000:01:00.0").mkdir()
    assert own_card({"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2"}, tmp_path) == {}
    assert own_card({"LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "2", "CUDA_VISIBLE_DEVICES": ""}, tmp_path) == {}
    assert own_card({}, tmp_path) == {}
