"""The worker killed at random moments of the loop; `ci/benchmark loop-kills` does it with the real models."""

from killing import Loop


def test_nothing_is_lost_when_the_worker_is_killed_and_the_next_click_works(bench, ct):
    bench.desk.choose_ct(ct)
    loop = Loop(bench, first=(10, 30, 30), second=(35, 10, 30), longest=0.3, seed=4)
    rounds = [loop.round() for _ in range(5)]
    assert [each.kept for each in rounds] == [True] * 5, rounds
    assert all(each.told.count("Try again: a fresh one starts.") <= 2 for each in rounds)
    assert len({each.action for each in rounds}) > 2
