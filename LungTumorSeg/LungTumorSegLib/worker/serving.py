"""The worker's side of the talk: what a resident process does whatever it computes with.

Four threads: the main one computes, one request at a time; one listens, so that Cancel and the host's death are heard
while computing; one beats, so that the host can tell computing from hanging; one lets the process end where none of
them can run any more.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import queue
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NoReturn, Protocol

from LungTumorSegLib.errors import Cancelled, InputRefused
from LungTumorSegLib.volume.geometry import Geometry, Volume
from LungTumorSegLib.worker import messages
from LungTumorSegLib.worker.buffers import Buffer, remove_if_host_is_dead
from LungTumorSegLib.worker.conversation import Answer
from LungTumorSegLib.worker.frames import Decoder, ProtocolError
from LungTumorSegLib.worker.log import account, open_log
from LungTumorSegLib.worker.messages import PROTOCOL, Array, Done, Explain, Failed, Load, Prompt, Segment

HEARTBEAT_SECONDS = 1.0
HUNG_SECONDS = 300.0  # in which no thread ran: the process ends itself; hosts have given it up long before
PROGRESS_SECONDS = 0.1
PACE_FROM = 0.05  # the part of a request that one stage must have done before its pace says anything
KEPT_CASES = 2  # this scan and the last one, to go to and fro between them
FOLDER_PATIENCE = 2.0  # seconds in which a host whose pipe is closed is gone, or lives on

Work = Load | Segment | Prompt | Explain
Progress = Callable[[str, float], None]


class Engine(Protocol):
    """What computes."""

    devices: tuple[str, ...]

    def compute(
        self, work: Work, images: tuple[Volume, ...], progress: Progress, cancelled: Callable[[], bool]
    ) -> Answer:
        """Do what a message asks; raises InputRefused, Cancelled, or anything else as a fault.

        images : of the case, the message's volume first; none where the message names none.
        """


def serve(open_engine: Callable[[], Engine], incoming: int, outgoing: int) -> NoReturn:
    """Serve the host at the other end of two file descriptors until it is gone. Call from the main thread.

    `open_engine` is called after the first words are out: what it imports may take its time.
    """
    _Service(incoming, outgoing).run(open_engine)


class _Service:
    def __init__(self, incoming: int, outgoing: int):
        self._incoming, self._outgoing = incoming, outgoing
        self._log = open_log()
        self._speaking = threading.RLock()
        self._works: queue.SimpleQueue[Work] = queue.SimpleQueue()
        self._cases: OrderedDict[str, dict[str, Volume]] = OrderedDict()  # by the first image's hash, and by each one's
        self._cancelled = 0  # the request that the host wants no more
        self._folder: Path | None = None
        self._computing = True

    def run(self, open_engine: Callable[[], Engine]) -> NoReturn:
        self._say(messages.Hello(PROTOCOL, _version("lungtumorseg"), _version("torch")))
        for work in (self._listen, self._beat, self._end_if_hung):
            threading.Thread(target=work, daemon=True).start()
        try:
            engine = open_engine()
        except ImportError as error:
            missing = error.name or str(error)
            self._give_up(
                f"The worker's Python ({sys.executable}) lacks {missing}: install it there or choose another.", error
            )
        except Exception as error:
            self._give_up(f"The worker cannot start: {_one_line(error)}", error)
        self._say(messages.Ready(engine.devices))
        while True:
            self._computing = False
            work = self._works.get()
            self._computing = True
            self._answer(engine, work)

    # Main thread

    def _answer(self, engine: Engine, work: Work) -> None:
        started, images = time.monotonic(), self._images_of(work)
        if images is None:
            self._say(messages.Missing(work.request))
            return
        progress = self._pace(work.request)
        progress("starting", 0.0)  # the host knows now that what goes wrong from here on is this request's doing
        try:
            answer = engine.compute(work, images, progress, lambda: self._cancelled == work.request)
            self._say(self._done(work, answer))
            outcome = "done"
        except Cancelled:
            outcome = "cancelled"
            self._say(Failed(work.request, "cancelled", "Cancelled."))
        except InputRefused as error:
            outcome = "refused"
            self._say(Failed(work.request, "refused", _one_line(error)))
        except MemoryError as error:
            outcome = f"out of memory\n{account(error)}"
            self._say(Failed(work.request, "fault", "The memory is not enough for this scan: close other programs."))
        except Exception as error:
            outcome = f"fault\n{account(error)}"
            self._say(Failed(work.request, "fault", f"{_one_line(error)} (the worker's log knows more)"))
        name = type(work).__name__.lower()
        scan = f" of {work.volume[:8]}" if images else ""
        self._log.info("%s%s: %.2f s, %s", name, scan, time.monotonic() - started, outcome)

    def _images_of(self, work: Work) -> tuple[Volume, ...] | None:
        """None where one of them is not here."""
        if isinstance(work, Load):
            return ()
        case = self._cases.get(work.volume, {})
        hashes = (work.volume, *getattr(work, "others", ()))
        return tuple(case[each] for each in hashes) if case.keys() >= set(hashes) else None

    def _done(self, work: Work, answer: Answer) -> Done:
        array = None
        if not isinstance(work, Load) and work.reply is not None:
            reply = Buffer(Path(work.reply))
            try:
                array = reply.put(answer.box.values)
            except OSError as error:
                self._log.info("no room for the answer (%s): it goes through the pipe", error.strerror)
            finally:
                reply.close()
        array = array or Array.inline(answer.box.values)
        return Done(work.request, answer.meta, answer.box.start, array)

    def _pace(self, request: int) -> Progress:
        """Progress as the host wants it: not too often, with the seconds that are left at the stage's own pace."""
        last_said, last_stage, stage_began, stage_from = 0.0, "", 0.0, 0.0

        def progress(stage: str, fraction: float) -> None:
            nonlocal last_said, last_stage, stage_began, stage_from
            now = time.monotonic()
            if stage != last_stage:
                last_stage, stage_began, stage_from = stage, now, fraction
            elif now - last_said < PROGRESS_SECONDS:
                return
            last_said, risen = now, fraction - stage_from
            left = (now - stage_began) / risen * (1 - fraction) if risen >= PACE_FROM else None
            self._say(messages.Progress(request, stage, float(fraction), left))

        return progress

    # Listening thread

    def _listen(self) -> None:
        decoder = Decoder()
        try:
            while data := os.read(self._incoming, 1 << 20):
                for frame in decoder.feed(data):
                    self._hear(messages.decode(frame))
        except OSError:
            self._leave()
        except Exception as error:  # also one of our own: a worker that does not listen is of no use
            self._give_up("The worker was sent what it cannot understand and ended.", error)
        self._leave()

    def _hear(self, message: messages.Message) -> None:
        match message:
            case messages.Attach():
                if message.protocol != PROTOCOL:
                    spoken = f"The worker speaks protocol {PROTOCOL}, the host {message.protocol}"
                    self._give_up(f"{spoken}: update LungTumorSeg on the older side.")
                self._folder = None if message.folder is None else Path(message.folder)
            case messages.Volume():
                self._keep(message)
            case messages.Cancel():
                self._cancelled = message.request
            case Load() | Segment() | Prompt() | Explain():
                self._works.put(message)
            case _:
                raise ProtocolError(f"a host does not say {type(message).__name__}")

    def _keep(self, message: messages.Volume) -> None:
        """Copy the volume into our own memory: the host's buffer is for the next one."""
        if message.of is None:
            self._cases.pop(message.hash, None)
            while len(self._cases) >= KEPT_CASES:
                self._cases.popitem(last=False)
            self._cases[message.hash] = {}
        try:
            volume = Volume(message.array.load(), Geometry(**message.geometry))
        except (OSError, MemoryError) as error:
            self._log.info("volume %s cannot be kept: %s", message.hash[:8], type(error).__name__)
            return  # the request that needs it will find it missing
        volume.__dict__["content_hash"] = message.hash  # cached: the host has computed it
        case = self._cases.get(message.hash if message.of is None else message.of)
        if case is not None:
            case[message.hash] = volume

    # All threads

    def _say(self, message: messages.Message) -> None:
        pieces = messages.encode(message)
        try:
            with self._speaking:
                for piece in pieces:
                    rest = memoryview(piece)
                    while rest:
                        rest = rest[os.write(self._outgoing, rest[: 1 << 20]) :]
        except OSError:
            self._leave()

    def _beat(self) -> None:
        while True:
            time.sleep(HEARTBEAT_SECONDS)
            self._say(messages.Heartbeat())

    def _end_if_hung(self) -> None:
        """A library that hangs and holds Python's lock keeps us from hearing that the host is gone or has given us up;
        and the host's kill may reach no more than ssh or a launcher. Of Python only faulthandler needs no lock.

        Only while computing: time for which the process was stopped, or on some systems the computer slept, counts.
        """
        while True:
            if self._computing:
                faulthandler.dump_traceback_later(HUNG_SECONDS, exit=True)
            else:
                faulthandler.cancel_dump_traceback_later()
            time.sleep(HEARTBEAT_SECONDS)

    def _give_up(self, message: str, error: Exception | None = None) -> NoReturn:
        self._log.info("%s\n%s", "the worker gives up", message if error is None else account(error))
        with self._speaking:  # the last words: no other thread speaks after them
            self._say(Failed(0, "fault", message))
            os._exit(1)

    def _leave(self) -> NoReturn:
        """The host is gone, or done with us. What it cannot remove any more, we do. Whatever computes is cut short."""
        deadline = time.monotonic() + FOLDER_PATIENCE
        with contextlib.suppress(OSError):
            while self._folder and not remove_if_host_is_dead(self._folder) and time.monotonic() < deadline:
                time.sleep(0.05)
        os._exit(0)


def _one_line(error: Exception) -> str:
    text = " ".join(str(error).split())[:300]
    return text if isinstance(error, InputRefused) else f"{type(error).__name__}: {text}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
