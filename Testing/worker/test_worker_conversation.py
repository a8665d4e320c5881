"""The conversation alone: a transport that only notes what it is told, and a clock that the test sets."""

import random

import numpy as np
import pytest
from fuzzed_messages import FROM_WORKER, as_bytes, spoilt
from made_worker import made_scan

from LungTumorSegLib.worker import messages
from LungTumorSegLib.worker.conversation import Conversation, Failure
from LungTumorSegLib.worker.frames import Decoder
from LungTumorSegLib.worker.messages import PROTOCOL, Array, Done, Failed, Heartbeat, Hello, Missing, Progress, Ready


class NotedTransport:
    def __init__(self):
        self.starts, self.kills, self._decoder, self.said = 0, 0, Decoder(), []

    def start(self, conversation):
        self.starts += 1
        self._decoder = Decoder()

    def write(self, data):
        self.said += [messages.decode(frame) for frame in self._decoder.feed(data)]

    def kill(self):
        self.kills += 1

    def names(self) -> list[str]:
        """The kinds of message since the last look."""
        said, self.said = self.said, []
        return [type(message).__name__ for message in said]


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


class Talk:
    """A conversation, and a worker played by the test."""

    def __init__(self):
        self.transport, self.clock, self.heard = NotedTransport(), Clock(), []
        self.host = Conversation(self.transport, inline=True, clock=self.clock)

    def says(self, *spoken):
        for message in spoken:
            self.host.received(as_bytes(message))

    def greets(self):
        self.says(Hello(PROTOCOL, "0.1.0", "2.13.0"), Ready(("cpu",)))

    def asks(self, volume, model="automatic", others=()):
        on = {
            "on_progress": lambda *args: self.heard.append(args),
            "on_done": self.heard.append,
            "on_failed": self.heard.append,
        }
        return self.host.segment(volume, model, others=others, **on)

    def passes(self, seconds, beating=False):
        for _ in range(round(seconds * 4)):
            self.clock.now += 0.25
            if beating:
                self.says(Heartbeat())
            self.host.tick()


def done(request, value=0.5) -> Done:
    array = Array.inline(np.full((1, 2, 2), value, np.float32))
    return Done(request._message.request, {"device": "cpu"}, (3, 4, 5), array)


@pytest.fixture
def talk():
    talk = Talk()
    yield talk
    talk.host.close()


def test_a_request_starts_the_worker_and_the_first_click_sends_the_volume_the_second_nothing(talk, scan):
    first = talk.asks(scan)
    assert (talk.transport.starts, talk.transport.names()) == (1, [])
    talk.greets()
    assert talk.transport.names() == ["Attach", "Volume", "Segment"]
    talk.says(done(first))
    second = talk.asks(scan)
    assert talk.transport.names() == ["Segment"]
    talk.says(done(second))
    assert [answer.box.start for answer in talk.heard] == [(3, 4, 5)] * 2
    assert not talk.host.busy


def test_one_request_is_sent_at_a_time(talk, scan):
    first, second = talk.asks(scan), talk.asks(scan)
    talk.greets()
    assert talk.transport.names() == ["Attach", "Volume", "Segment"]
    talk.says(done(first))
    assert talk.transport.names() == ["Segment"]
    assert (first.finished, second.finished) == (True, False)


def test_a_volume_that_the_worker_forgot_is_sent_again_without_a_word(talk, scan):
    talk.asks(scan)
    talk.greets()
    talk.transport.names()
    talk.says(Missing(1))
    assert talk.transport.names() == ["Volume", "Segment"]
    assert talk.heard == []
    talk.says(Missing(1))
    assert [failure.kind for failure in talk.heard] == ["fault"]


def test_each_image_of_a_case_is_sent_once_the_first_one_first_and_all_again_when_the_case_is_forgotten(talk, scan):
    others = (made_scan(seed=1), made_scan(seed=2))
    first = talk.asks(scan, others=others)
    talk.greets()
    _attach, *images, segment = talk.transport.said
    assert [(image.hash, image.of) for image in images] == [
        (scan.content_hash, None), *((other.content_hash, scan.content_hash) for other in others)
    ]  # fmt: skip
    assert (segment.volume, segment.others) == (scan.content_hash, tuple(other.content_hash for other in others))
    talk.says(done(first))
    talk.transport.names()
    second = talk.asks(scan, others=(others[1], others[0]))
    assert talk.transport.names() == ["Segment"]
    talk.says(Missing(second._message.request))
    assert talk.transport.names() == ["Volume", "Volume", "Volume", "Segment"]


def test_after_a_crash_the_next_request_gets_a_fresh_worker_and_the_volume_again(talk, scan):
    talk.asks(scan)
    talk.greets()
    talk.says(Progress(1, "lungs", 0.1, None))
    talk.heard.clear()
    talk.host.ended(-11, "Segmentation fault")
    assert talk.heard == [Failure("fault", "The worker ended (signal 11). Try again: a fresh one starts.")]
    talk.transport.names()
    second = talk.asks(scan)
    talk.greets()
    assert (talk.transport.starts, talk.transport.names()) == (2, ["Attach", "Volume", "Segment"])
    talk.says(done(second))
    assert second.answer.box.values.mean() == 0.5


def test_a_worker_that_died_before_it_began_costs_nothing_but_the_time_once(talk, scan):
    talk.asks(scan)
    talk.greets()
    talk.transport.names()
    talk.host.ended(-9)
    assert talk.heard == []
    talk.greets()
    assert (talk.transport.starts, talk.transport.names()) == (2, ["Attach", "Volume", "Segment"])
    talk.host.ended(-9)
    assert [failure.kind for failure in talk.heard] == ["fault"]


def test_silence_of_eight_seconds_ends_the_worker_and_seven_do_not(talk, scan):
    talk.asks(scan)
    talk.greets()
    talk.passes(60, beating=True)
    talk.passes(7.75)
    assert talk.heard == []
    talk.passes(0.25)
    assert [failure.kind for failure in talk.heard] == ["fault"]
    assert talk.transport.kills == 1


def test_a_worker_that_loads_torch_from_a_slow_disk_may_be_silent_for_longer(talk, scan):
    talk.asks(scan)
    talk.says(Hello(PROTOCOL, "0.1.0", "2.13.0"))
    talk.passes(89)
    assert talk.transport.kills == 0
    talk.passes(2)
    assert talk.transport.kills == 1


def test_a_host_that_slept_does_not_blame_the_worker(talk, scan):
    talk.asks(scan)
    talk.greets()
    talk.clock.now += 3600
    talk.host.tick()
    talk.passes(5)
    assert talk.transport.kills == 0
    talk.passes(3.25)
    assert talk.transport.kills == 1


def test_cancel_waits_for_the_worker_and_then_does_without_it(talk, scan):
    heard = talk.asks(scan)
    talk.greets()
    heard.cancel()
    assert talk.transport.names()[-1] == "Cancel"
    talk.says(Failed(1, "cancelled", "Cancelled."))
    assert talk.heard.pop().kind == "cancelled"
    talk.asks(scan).cancel()
    talk.passes(1.25, beating=True)
    assert (talk.heard, talk.transport.kills) == ([], 0)
    talk.passes(0.25, beating=True)
    assert (talk.heard.pop().kind, talk.transport.kills) == ("cancelled", 1)


def test_what_comes_after_cancel_is_cancelled_whatever_it_is(talk, scan):
    for last in (done, lambda request: Failed(request._message.request, "fault", "x"), None):
        request = talk.asks(scan)
        talk.greets()
        request.cancel()
        talk.says(Progress(request._message.request, "windows", 0.5, None))
        if last is None:
            talk.host.ended(255, "Killed by signal 2.")
        else:
            talk.says(last(request))
        assert [failure.kind for failure in talk.heard] == ["cancelled"]
        talk.heard.clear()


def test_a_waiting_request_is_cancelled_without_a_word_to_the_worker(talk, scan):
    talk.asks(scan)
    second = talk.asks(scan)
    second.cancel()
    assert second.failure.kind == "cancelled"
    talk.greets()
    assert talk.transport.names() == ["Attach", "Volume", "Segment"]


def test_after_a_kill_the_next_request_waits_for_the_end_of_the_old_process(talk, scan):
    talk.asks(scan).cancel()
    talk.greets()
    stuck, waiting = talk.asks(scan), talk.asks(scan)
    stuck.cancel()
    talk.passes(1.5, beating=True)
    assert (talk.transport.starts, talk.transport.kills) == (1, 1)
    talk.says(done(waiting))  # the old one's last breath
    assert not waiting.finished
    talk.host.ended(-9)
    assert talk.transport.starts == 2
    talk.greets()
    talk.says(done(waiting))
    assert waiting.answer is not None


@pytest.mark.parametrize(("protocol", "side"), [(PROTOCOL + 1, "this side"), (PROTOCOL - 1, "the worker's side")])
def test_another_protocol_version_is_one_line_that_says_which_side_to_update(talk, scan, protocol, side, note):
    talk.asks(scan)
    talk.says(Hello(protocol, "9.9", ""))
    (failure,) = talk.heard
    assert failure.message.endswith(f"update LungTumorSeg on {side}.")
    assert talk.transport.kills == 1
    note(f"worker speaks protocol {protocol}", failure.message)


def test_a_worker_that_cannot_go_on_says_why(talk, scan):
    talk.asks(scan)
    talk.says(Hello(PROTOCOL, "0.1.0", ""), Failed(0, "fault", "no torch"))
    assert talk.heard == [Failure("fault", "no torch")]


def test_an_answer_that_lies_in_a_file_of_its_own_choice_is_not_read(talk, scan):
    talk.asks(scan)
    talk.greets()
    talk.says(Done(1, {}, (0, 0, 0), Array("|u1", (1, 1, 1), file="/etc/passwd")))
    assert talk.heard[0].kind == "fault"
    assert talk.transport.kills == 0


def test_a_callback_that_raises_loses_nothing(talk, scan):
    def trip(*_):
        raise ZeroDivisionError

    first = talk.host.segment(scan, on_progress=trip, on_done=trip)
    second = talk.asks(scan)
    talk.greets()
    data = as_bytes(Progress(1, "lungs", 0.5, 1.0)) + as_bytes(done(first)) + as_bytes(done(second))
    with pytest.raises(ZeroDivisionError):
        talk.host.received(data)
    with pytest.raises(ZeroDivisionError):
        talk.host.tick()
    talk.host.tick()
    assert first.answer is not None
    assert second.answer is not None


def test_what_cannot_be_sent_is_refused_when_it_is_asked(talk, scan):
    with pytest.raises(TypeError):
        talk.host.segment(scan, options={"threshold": object()})
    assert not talk.host.busy


def test_ten_thousand_spoilt_answers_end_in_an_answer_a_failure_or_a_kill(scan, caplog, note):
    caplog.set_level("CRITICAL")
    chance, outcomes = random.Random(3), {"killed": 0, "failed": 0, "answered": 0, "goes on": 0}
    scan = made_scan((1, 2, 2))
    for _ in range(10_000):
        talk = Talk()
        request = talk.asks(scan)
        talk.greets()
        for message in chance.sample(FROM_WORKER, 3):
            talk.host.received(spoilt(as_bytes(message), chance))
        if talk.transport.kills:
            assert request.finished
            outcomes["killed"] += 1
        elif request.finished:
            outcomes["answered" if request.answer else "failed"] += 1
        else:
            outcomes["goes on"] += 1
    assert outcomes["killed"] > 5000
    note("10,000 spoilt streams from the worker", ", ".join(f"{kind} {count}" for kind, count in outcomes.items()))


def test_another_worker_takes_over_after_a_restart_and_is_told_where_arrays_pass(scan):
    talk = Talk()
    talk.host = Conversation(talk.transport, inline=False, clock=talk.clock)
    talk.asks(scan)
    talk.greets()
    (attach, *_rest) = talk.transport.said
    assert attach.folder is not None
    assert talk.host.torch == "2.13.0"
    talk.host.restart(inline=True)
    assert [failure.kind for failure in talk.heard] == ["cancelled"]
    assert talk.transport.kills == 1
    second = talk.asks(scan)
    assert talk.transport.starts == 1, "the first is not gone yet"
    talk.host.ended(-9)
    assert talk.transport.starts == 2
    talk.transport.said.clear()
    talk.greets()
    (attach, volume, _segment) = talk.transport.said
    assert attach.folder is None
    assert volume.array.file is None
    talk.says(done(second))
    assert len(talk.heard) == 2
    talk.host.close()
