"""Which view is drawn when, and what is sent of it. The views are arrays."""

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from LungTumorSegLib.web.pictures import MOVING, STILL, Pictures, Turns


class Canvas:
    """What a view draws into: one grey level."""

    def __init__(self):
        self.grey, self.drawn, self.last = 0, 0, 0.0

    @property
    def img_cols_rows(self):
        self.drawn, self.last = self.drawn + 1, time.monotonic()
        return np.full((10, 12, 3), self.grey, np.uint8), 12, 10

    def process_resize_event(self, width, height):
        """Has one size."""

    def process_interaction_event(self, event):
        """Hears nothing."""


class Views:
    """Two slice views and the 3D view. sent : view and quality of each picture."""

    def __init__(self):
        self.turns, self.sent, self.canvases, self.views = Turns(), [], {}, {}
        for name in ("axial", "coronal", "space"):
            canvas = self.canvases[name] = Canvas()
            view = self.views[name] = Pictures(canvas, self.turns, waits=name == "space")
            canvas.drawn = 0  # trame looked at what it was given
            view.set_push_callback(lambda _content, meta, name=name: self.sent.append((name, meta["quality"])))

    def change(self, grey: int, *names: str) -> None:
        for name in names:
            self.canvases[name].grey = grey
            self.views[name].look()

    async def until(self, true) -> None:
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0.005)

    def shown(self) -> None:
        for view in self.views.values():
            view.shown()


@pytest.fixture
def play():
    """Runs a scene in a thread of its own: in this one Playwright's loop may run."""

    def run(scene) -> None:
        async def all_of_it():
            await scene(Views())

        with ThreadPoolExecutor(1) as other:
            other.submit(asyncio.run, all_of_it()).result()

    return run


def test_slice_views_are_drawn_in_their_order_and_the_3d_view_after_them(play):
    async def scene(views):
        views.change(1, "space", "coronal", "axial")
        await views.until(lambda: ("space", MOVING) in views.sent)
        assert sorted(views.canvases, key=lambda name: views.canvases[name].last) == ["axial", "coronal", "space"]

    play(scene)


def test_the_3d_view_on_which_the_mouse_acts_does_not_wait(play):
    async def scene(views):
        views.change(1, "axial")
        views.views["space"].touch()
        views.change(1, "space")
        await views.until(lambda: len(views.sent) >= 2)
        assert sorted(views.sent[:2]) == [("axial", MOVING), ("space", MOVING)]

    play(scene)


def test_a_picture_like_the_last_is_not_sent(play):
    async def scene(views):
        views.change(1, "axial")
        await views.until(lambda: views.sent == [("axial", MOVING), ("axial", STILL)])
        views.shown()
        views.change(1, "axial")
        await views.until(lambda: views.canvases["axial"].drawn == 2)
        views.change(1, "coronal")
        await views.until(lambda: ("coronal", STILL) in views.sent)
        assert views.sent.count(("axial", MOVING)) == 1

    play(scene)


def test_at_rest_the_same_picture_comes_sharper_without_being_drawn_anew(play):
    async def scene(views):
        views.change(1, "axial")
        await views.until(lambda: ("axial", STILL) in views.sent)
        assert views.canvases["axial"].drawn == 1

    play(scene)


def test_while_the_browser_has_not_shown_a_picture_no_other_is_drawn(play):
    async def scene(views):
        views.change(1, "axial")
        await views.until(lambda: views.sent)
        for grey in (2, 3, 4):
            views.change(grey, "axial")
            await asyncio.sleep(0.02)
        drawn_before = views.canvases["axial"].drawn
        views.shown()
        await views.until(lambda: len(views.sent) >= 2)
        assert drawn_before == 1
        assert views.canvases["axial"].drawn == 2  # of the last change

    play(scene)


def test_a_browser_that_comes_anew_gets_a_picture_though_nothing_changed(play):
    async def scene(views):
        views.change(1, "axial")
        await views.until(lambda: ("axial", STILL) in views.sent)
        views.views["axial"].schedule_render()
        await views.until(lambda: views.sent.count(("axial", STILL)) == 2)

    play(scene)


def test_a_view_that_is_not_seen_is_not_drawn_until_it_is(play):
    async def scene(views):
        views.views["coronal"].visible = False
        views.change(1, "axial", "coronal")
        await views.until(lambda: ("axial", STILL) in views.sent)
        drawn_before = views.canvases["coronal"].drawn
        views.views["coronal"].visible = True
        views.turns.wake()
        await views.until(lambda: ("coronal", STILL) in views.sent)
        assert drawn_before == 0

    play(scene)
