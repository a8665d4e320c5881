"""What is kept of the work on all CTs, with a real scene and a desk; how it looks in the page is in `test_faults`."""

import json
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

TESTING = Path(__file__).resolve().parents[1]
sys.path += [str(TESTING / "scene"), str(TESTING / "workstation")]


@pytest.fixture
def bench():
    from bench import PRETENDING, Bench
    from trame_slicer.core import SlicerApp

    scene = SlicerApp().scene
    bench = Bench(scene, PRETENDING)
    yield bench
    bench.close()
    scene.Clear()


@pytest.fixture
def cts(bench):
    """Of two patients; the first was segmented and is chosen."""
    from made_scene import add_ct

    from LungTumorSegLib.volume.geometry import Geometry

    grid = Geometry((30, 60, 64), (0.7, 0.7, 1.25))
    cts = [add_ct(bench.desk.scene, grid, name) for name in ("first", "second")]
    bench.desk.choose_ct(cts[0])
    bench.desk.segment()
    assert bench.rest()
    return cts


@pytest.fixture
def new_session(bench, tmp_path):
    from LungTumorSegLib.web import serving
    from LungTumorSegLib.web.kept_session import KeptSession

    def make():
        switches = SimpleNamespace(moving=False)
        return KeptSession(serving.make_server(), bench.desk, None, switches, bench.host, tmp_path / "session")

    return make


@pytest.fixture
def session(new_session):
    session = new_session()
    yield session
    session.close()


def rest(session):
    """The user does nothing for long; True where that made a save, which is done then."""
    before = session._autosave._count
    for _ in range(4):
        session.tick(3.0)
    until = time.monotonic() + 60
    while session._saving is not None and time.monotonic() < until:
        session.tick(0.01)
        time.sleep(0.005)  # a thread writes
    return session._autosave._count > before


def kept(tmp_path, file="scene.mrml"):
    path = tmp_path / "session" / "current" / file
    return path.read_text() if path.exists() else ""


def paint(bench, ct):
    """Into the CT's first lesion, as the brush does."""
    import made_scene

    from LungTumorSegLib.scene import ownership, segments

    node = ownership.owned_one(ct, segments.ROLE)
    segment_id = segments.our_segments(node)[1]
    voxels = made_scene.segment_array(node, segment_id, ct)
    voxels[2:6, 2:6, 2:6] = 1
    made_scene.paint(node, segment_id, ct, voxels)


def test_what_is_kept_is_not_kept_again_until_there_is_more(bench, cts, session, tmp_path):
    from LungTumorSegLib.workstation.display import Display

    assert rest(session)
    assert json.loads(kept(tmp_path, "session.json"))["ct"] == "first"
    assert not rest(session)
    bench.desk.show(Display(opacity=0.2, fill=False))
    bench.desk.jump(bench.desk.lesions[0])
    bench.desk.points()  # no point in it yet
    assert not rest(session)
    bench.desk.mark_node(1, True)
    assert bench.rest()
    assert rest(session)


@pytest.mark.parametrize("ends", [False, True])
def test_corrections_are_kept_though_another_ct_is_chosen_at_once(bench, cts, session, tmp_path, ends):
    assert rest(session)
    bench.desk.mark_node(2, True)
    paint(bench, cts[0])
    bench.desk.choose_ct(cts[1])
    if ends:
        session.close()
    else:
        assert rest(session)
    assert "Lesion.2.Node:1" in kept(tmp_path)
    assert json.loads(kept(tmp_path, "session.json"))["ct"] == "second"


def test_a_brush_stroke_is_kept_though_it_was_not_measured_yet(bench, cts, session, tmp_path):
    assert rest(session)
    before = {path.name for path in (tmp_path / "session" / "current").glob("*.seg.nrrd")}
    paint(bench, cts[0])
    bench.desk.choose_ct(cts[1])
    session.close()
    assert not before & {path.name for path in (tmp_path / "session" / "current").glob("*.seg.nrrd")}


def test_the_users_word_on_the_course_is_kept(bench, cts, session, tmp_path):
    from LungTumorSegLib.response.alignment import Alignment
    from LungTumorSegLib.scene.followup import FollowUp
    from LungTumorSegLib.scene.result import Result
    from LungTumorSegLib.volume.box import Box

    lesion = np.zeros((30, 60, 64), np.float32)
    lesion[8:20, 20:40, 20:40] = 1
    Result(bench.desk.scene, cts[1]).show(Box((0, 0, 0), lesion), 0.5, 1.0)
    bench.desk.choose_ct(cts[1])
    assert bench.rest()
    course = FollowUp(bench.desk.scene, cts)
    course.show_transform(1, Alignment())
    course.match()
    assert rest(session)
    assert not rest(session)
    course.confirm(1)
    session.close()
    assert "LungTumorSeg.Said:" in kept(tmp_path)


def test_an_end_in_the_middle_of_saving_saves_all(bench, cts, session, tmp_path):
    session.tick(3.0)
    while session._saving is None:
        session.tick(3.0)
    session.tick(0.1)
    assert kept(tmp_path) == ""
    session.close()
    assert kept(tmp_path).rstrip().endswith("</MRML>")


def test_an_earlier_study_alone_is_work_too(bench, cts, session, tmp_path):
    bench.desk.choose_ct(None)
    session.close()
    assert json.loads(kept(tmp_path, "session.json"))["ct"] == "first"


def test_a_ct_to_which_nothing_was_done_is_not_kept(bench, session, tmp_path):
    from made_scene import add_ct

    bench.desk.choose_ct(add_ct(bench.desk.scene))
    assert not rest(session)
    session.close()
    assert kept(tmp_path) == ""


def test_a_fault_while_saving_is_told_of_and_saved_at_the_next_rest(bench, cts, session, tmp_path, monkeypatch):
    def broken(_facts):
        raise RuntimeError("a node that nobody knows")
        yield

    with monkeypatch.context() as patch:
        patch.setattr(session._autosave, "save", broken)
        for _ in range(4):
            session.tick(3.0)
        assert len(bench.host.failures) == 1
        assert "a node that nobody knows" in bench.host.failures[0][0]
    assert rest(session)
