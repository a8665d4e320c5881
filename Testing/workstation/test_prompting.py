"""Points and boxes: each is asked for, what is moved or deleted follows, nothing is lost with the worker."""

import os
import signal

import pytest

FAR = (-10.0, -30.0, 30.0)  # RAS mm, away from both balls
FARTHER = (-35.0, -10.0, 30.0)


def numbers(bench):
    return [lesion.id for lesion in bench.desk.lesions]


def centre(bench, lesion):
    return next(x for x in bench.desk.lesions if x.id == lesion).centre_lps


def asked(bench):
    """How often the worker was asked since."""
    return bench.desk._asking._conversation._count


def test_a_point_in_a_missed_lesion_adds_it(segmented):
    segmented.desk.points().AddControlPointWorld(*FAR)
    assert segmented.desk.unsettled
    assert segmented.rest()
    assert numbers(segmented) == [1, 2, 3]
    assert centre(segmented, 3) == pytest.approx((10, 30, 30), abs=0.5)
    assert segmented.desk.prompt_counts == (1, 0, 0)
    assert segmented.host.failures == []


def test_a_point_works_before_segment_was_pressed(bench, ct):
    bench.desk.choose_ct(ct)
    bench.desk.points().AddControlPointWorld(*FAR)
    assert bench.rest()
    assert numbers(bench) == [1]
    assert bench.host.slider == 0.5


def test_several_quick_points_make_one_request_a_lesion(segmented):
    before = asked(segmented)
    points = segmented.desk.points()
    points.AddControlPointWorld(*FAR)
    points.AddControlPointWorld(*FARTHER)
    for n in range(5):
        points.SetNthControlPointPositionWorld(0, FAR[0] + n, FAR[1], FAR[2])
    assert segmented.rest()
    assert asked(segmented) - before == 2
    assert numbers(segmented) == [1, 2, 3, 4]


def test_a_moved_point_moves_its_lesion_and_a_deleted_one_takes_it_away(segmented):
    points = segmented.desk.points()
    points.AddControlPointWorld(*FAR)
    assert segmented.rest()
    points.SetNthControlPointPositionWorld(0, *FARTHER)
    assert segmented.rest()
    assert len(numbers(segmented)) == 3
    assert centre(segmented, numbers(segmented)[-1]) == pytest.approx((35, 10, 30), abs=0.5)
    before = asked(segmented)
    points.RemoveNthControlPoint(0)
    assert segmented.rest()
    assert numbers(segmented) == [1, 2]
    assert asked(segmented) == before


def test_a_request_that_is_overtaken_is_dropped(segmented):
    points = segmented.desk.points()
    points.AddControlPointWorld(*FAR)
    assert segmented.until(lambda: segmented.desk.busy)
    points.SetNthControlPointPositionWorld(0, *FARTHER)
    assert segmented.rest()
    assert centre(segmented, numbers(segmented)[-1]) == pytest.approx((35, 10, 30), abs=0.5)
    assert segmented.host.failures == []


def test_a_point_outside_takes_a_found_lesion_away_and_its_deletion_brings_it_back(segmented):
    before, lesion = asked(segmented), segmented.desk.lesions[1]
    x, y, z = lesion.centre_lps
    outside = segmented.desk.points(inside=False)
    outside.AddControlPointWorld(-x, -y, z)
    assert segmented.rest()
    assert numbers(segmented) == [1]
    assert segmented.desk.prompt_counts == (0, 1, 0)
    outside.RemoveNthControlPoint(0)
    assert segmented.rest()
    assert numbers(segmented) == [1, 2]
    assert asked(segmented) == before  # needs no worker


def test_a_box_asks_for_its_lesion(segmented):
    segmented.desk.add_box(((5, 25, 25), (15, 35, 35)))
    assert segmented.rest()
    assert numbers(segmented) == [1, 2, 3]
    assert segmented.desk.prompt_counts == (0, 0, 1)


def test_a_box_that_is_not_finished_goes(segmented, scene):
    segmented.desk.new_box()
    assert segmented.desk.prompt_counts == (0, 0, 0)
    segmented.desk.placing_ended()
    assert scene.GetNumberOfNodesByClass("vtkMRMLMarkupsROINode") == 0
    assert segmented.rest()
    assert numbers(segmented) == [1, 2]


def test_all_are_deleted_at_once(segmented):
    segmented.desk.points().AddControlPointWorld(*FAR)
    segmented.desk.add_box(((30, 5, 25), (40, 15, 35)))
    assert segmented.rest()
    assert len(numbers(segmented)) == 4
    segmented.desk.delete_prompts()
    assert segmented.rest()
    assert numbers(segmented) == [1, 2]
    assert segmented.desk.prompt_counts == (0, 0, 0)


def test_a_list_deleted_by_another_module_is_heard(segmented, scene):
    points = segmented.desk.points()
    points.AddControlPointWorld(*FAR)
    assert segmented.rest()
    scene.RemoveNode(points)
    assert segmented.rest()
    assert numbers(segmented) == [1, 2]


def test_what_the_worker_lost_is_asked_again_by_the_next_click(segmented):
    points = segmented.desk.points()
    points.AddControlPointWorld(*FAR)
    assert segmented.until(lambda: segmented.desk.busy)
    segmented.until(lambda: bool(segmented.worker))
    os.kill(segmented.worker.pid, signal.SIGKILL)
    assert segmented.rest()
    lost = numbers(segmented)
    assert segmented.desk.prompt_counts == (1, 0, 0)
    points.AddControlPointWorld(*FARTHER)
    assert segmented.rest()
    assert lost in ([1, 2], [1, 2, 3])  # one that was killed before it began is asked anew at once
    assert len(numbers(segmented)) == 4


def test_a_point_outside_the_scan_is_refused_once(segmented):
    points = segmented.desk.points()
    points.AddControlPointWorld(500, 0, 0)
    assert segmented.rest()
    assert [sentence for sentence, _ in segmented.host.failures] == [
        "The point lies outside the scan: place it in the lesion."
    ]
    points.AddControlPointWorld(*FAR)
    assert segmented.rest()
    assert len(segmented.host.failures) == 1
    assert len(numbers(segmented)) == 3


def test_prompts_are_there_in_a_scene_loaded_anew(segmented, new_bench, scene, ct, tmp_path):
    segmented.desk.points().AddControlPointWorld(*FAR)
    assert segmented.rest()
    segmented.desk.choose_ct(None)
    other = new_bench()
    other.desk.choose_ct(ct)
    assert other.rest()  # it is read in steps
    assert numbers(other) == [1, 2, 3]
    assert other.desk.prompt_counts == (1, 0, 0)
    other.desk.points().RemoveNthControlPoint(0)
    assert other.rest()
    assert numbers(other) == [1, 2]
    assert asked(other) == 0
