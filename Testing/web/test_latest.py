"""Of values that come fast, the latest is shown as soon as the one before was seen; the rest is told once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from LungTumorSegLib.web.latest import REST, Latest


def test_values_are_shown_as_they_come_and_the_rest_is_told_once_with_the_last_shown():
    told = []

    async def drag():
        latest = Latest(told.append, lambda: told.append("rest"), lambda: None, lambda: asyncio.sleep(0.005))
        for value in (1, 2, 3):
            latest.put(value)
            await asyncio.sleep(REST / 4)
            assert told == list(range(1, value + 1))
        assert latest.moving
        latest.put(4)
        latest.put(5)
        while latest.moving:
            await asyncio.sleep(REST / 4)

    with ThreadPoolExecutor(1) as other:  # in this thread Playwright's loop may run
        other.submit(asyncio.run, drag()).result()
    assert told == [1, 2, 3, 5, "rest"]


def test_while_the_browser_has_not_shown_a_value_the_next_ones_wait_and_only_the_last_of_them_is_shown():
    told = []

    async def drag():
        seen = asyncio.Event()
        latest = Latest(told.append, lambda: told.append("rest"), lambda: None, seen.wait)
        for value in (1, 2, 3):
            latest.put(value)
            await asyncio.sleep(0.01)
        assert told == [1]
        seen.set()
        while latest.moving:
            await asyncio.sleep(REST / 4)

    with ThreadPoolExecutor(1) as other:
        other.submit(asyncio.run, drag()).result()
    assert told == [1, 3, "rest"]


def test_who_needs_the_value_that_waits_gets_it_at_once():
    told = []

    async def drag():
        latest = Latest(told.append, lambda: told.append("rest"), lambda: None, asyncio.Event().wait)  # never seen
        latest.put(1)
        await asyncio.sleep(0.01)
        latest.put(2)
        await asyncio.sleep(0.01)
        assert told == [1]
        latest.settle()
        assert told == [1, 2, "rest"]
        await asyncio.sleep(2 * REST)
        assert not latest.moving
        latest.settle()
        latest.put(3)
        await asyncio.sleep(0.01)
        latest.settle()

    with ThreadPoolExecutor(1) as other:
        other.submit(asyncio.run, drag()).result()
    assert told == [1, 2, "rest", 3, "rest"], "3 was shown"


def test_a_value_that_comes_right_after_settling_is_shown():
    told = []

    async def drag():
        latest = Latest(told.append, lambda: told.append("rest"), lambda: None, lambda: asyncio.sleep(0.005))
        latest.put(1)
        await asyncio.sleep(0.01)
        latest.settle()
        latest.put(2)
        while latest.moving:
            await asyncio.sleep(REST / 4)

    with ThreadPoolExecutor(1) as other:
        other.submit(asyncio.run, drag()).result()
    assert told == [1, "rest", 2, "rest"]
