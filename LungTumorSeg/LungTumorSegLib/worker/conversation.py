"""The host's side of the talk with a worker: bytes in, callbacks out. Starts nothing itself, knows no thread and no Qt.

A `Transport` runs the process; it feeds the conversation through `received` and `ended`, and somebody's timer calls
`tick` (every 50 to 500 ms). All of these, and so all callbacks, happen on the caller's thread.

One request is computed at a time; the others wait here, so a worker's death costs one answer. A dead worker is started
again by the next request, and what it must know (the volume, the model) is sent again. A worker that was dead before it
began (idle processes are what a system short of memory kills first) costs none: the request goes to a fresh one, once.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from LungTumorSegLib.volume.box import Box
from LungTumorSegLib.volume.geometry import Volume
from LungTumorSegLib.worker import messages
from LungTumorSegLib.worker.buffers import SharedFolder
from LungTumorSegLib.worker.frames import Decoder, ProtocolError
from LungTumorSegLib.worker.messages import PROTOCOL, Array, Done, Explain, Failed, Hello, Load, Prompt, Ready, Segment

log = logging.getLogger(__name__)

HEARTBEAT_SILENCE = 8.0  # seconds without a byte after which the worker hangs; it beats every second
START_PATIENCE = (
    90.0  # the same until it is ready: loading torch from a slow disk holds Python's lock, so no beat comes
)
CANCEL_PATIENCE = 1.5  # seconds in which Cancel must be answered before the worker is killed
HOST_PAUSE = 2.0  # seconds between ticks after which it was the host that slept: that silence is not the worker's


class Transport(Protocol):
    """Runs a worker process and moves bytes. Must not block the caller in any of these, nor call back from inside."""

    def start(self, conversation: Conversation) -> None:
        """Start a fresh process; from now on call, on the thread that owns the conversation:

        - ``conversation.received(data)`` with whatever came on its stdout;
        - ``conversation.ended(exit_code, stderr_tail)`` exactly once, after the last `received`, when it is gone
          (or never came to life). ``exit_code``: as of `subprocess` (-9 for signal 9), None if it did not start;
          ``stderr_tail``: its last lines, or why it did not start.

        Never called before the last process has `ended`.
        """

    def write(self, data: bytes | memoryview) -> None:
        """Queue bytes for its stdin; copy or keep them. Nothing happens if the process is gone."""

    def kill(self) -> None:
        """End the process now (SIGKILL). `ended` follows as usual; nothing happens if it is gone."""


@dataclass(frozen=True)
class Answer:
    """What a request brought.

    Attributes
    ----------
    meta : the prediction's facts: "threshold", "device", "half", "seconds" by stage, "multiply_adds",
        "energy_joules", "model", "notes". Of `explain` "device" and "notes".
    box : float32 probability, 0..1, where it is not zero; `explain` brings heat instead. May be empty.
    """

    meta: dict
    box: Box


@dataclass(frozen=True)
class Failure:
    """A request that ended without an answer. `message` is one line for the user.

    kind : "refused" (the input; nobody's fault), "cancelled", "fault" (ours; the log knows more).
    """

    kind: Literal["refused", "cancelled", "fault"]
    message: str


CANCELLED = Failure("cancelled", "Cancelled.")


class Request:
    """One request under way. `answer` or `failure` is set when it is `finished`."""

    def __init__(
        self, conversation: Conversation, message, images: tuple[Volume, ...], on_progress, on_done, on_failed
    ):
        self.answer: Answer | None = None
        self.failure: Failure | None = None
        self._conversation = conversation
        self._message = message
        self._images = images  # the first is what the message calls the volume; none where it needs none
        self._on_progress = on_progress
        self._on_done = on_done
        self._on_failed = on_failed
        self._cancelled_at: float | None = None
        self._begun = False  # the worker has said a word on it
        self._resent = False

    @property
    def finished(self) -> bool:
        return self.answer is not None or self.failure is not None

    def cancel(self) -> None:
        """Ask for an early end: `on_failed` gets kind "cancelled", 3 s later at the latest. No harm once finished."""
        self._conversation._cancel(self)


class Conversation:
    """Requests to one worker. See the module's text for how it is driven.

    Parameters
    ----------
    transport : runs the process.
    inline : True where worker and host share no file system (ssh): arrays travel in the frames.
    heartbeat_silence, start_patience, cancel_patience : seconds; see the constants of this module.
    clock : monotonic seconds.
    """

    def __init__(
        self,
        transport: Transport,
        inline: bool = False,
        *,
        heartbeat_silence: float = HEARTBEAT_SILENCE,
        start_patience: float = START_PATIENCE,
        cancel_patience: float = CANCEL_PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._transport = transport
        self._inline = inline
        self._heartbeat_silence = heartbeat_silence
        self._start_patience = start_patience
        self._cancel_patience = cancel_patience
        self._clock = clock
        self._folder: SharedFolder | None = None
        self._waiting: deque[Request] = deque()
        self._active: Request | None = None
        self._inbox: deque[messages.Message] = deque()
        self._state: Literal["down", "starting", "up", "ending", "closed"] = "down"
        self._count = 0
        self._heard = self._ticked = clock()
        self._reset()

    # What hosts ask for

    @property
    def busy(self) -> bool:
        """True while a request is computed or waits."""
        return self._active is not None or bool(self._waiting)

    def start(self) -> None:
        """Start the worker, so that the first click finds it ready (torch takes a second to load). Also without this
        call the first request starts it. Does nothing if it runs."""
        if self._state == "down":
            self._start()

    def load(self, model, *, on_progress=None, on_done=None, on_failed=None) -> Request:
        """Have a model in the worker's memory before it is asked for. The answer has no voxels; its meta holds the
        model's "fingerprint" (`networks.fingerprint`) and "channels", the names of the images it reads of a case."""
        return self._ask(Load(self._next(), str(model)), (), on_progress, on_done, on_failed)

    def segment(
        self, volume: Volume, model="automatic", options: dict | None = None, *,
        others: Sequence[Volume] = (),
        on_progress: Callable[[str, float, float | None], None] | None = None,
        on_done: Callable[[Answer], None] | None = None,
        on_failed: Callable[[Failure], None] | None = None,
    ) -> Request:  # fmt: skip
        """Every tumour in the volume.

        Parameters
        ----------
        model : name of a bundled model, or a model's folder on the worker's machine.
        options : fields of `inference`'s Options.
        others : further images of the case, on the same grid, for a model that reads several.
        on_progress : called with stage, fraction done (0..1), seconds left (None while unknown), at most 10 times a
            second.
        on_done, on_failed : one of the two is called, once; never before this method has returned.
        """
        hashes = tuple(other.content_hash for other in others)
        message = Segment(self._next(), volume.content_hash, str(model), options or {}, None, hashes)
        return self._ask(message, (volume, *others), on_progress, on_done, on_failed)

    def prompt(
        self, volume: Volume, model="prompted",
        points_inside: Iterable[Sequence[float]] = (), points_outside: Iterable[Sequence[float]] = (),
        options: dict | None = None, *, box: Sequence[Sequence[float]] | None = None,
        on_progress=None, on_done=None, on_failed=None,
    ) -> Request:  # fmt: skip
        """The one lesion that holds `points_inside` and none of `points_outside`, or fills the box between two corners
        (LPS mm; x, y, z). See `segment`."""
        inside, outside = _points(points_inside), _points(points_outside)
        corners = None if box is None else _points(box)
        message = Prompt(self._next(), volume.content_hash, str(model), options or {}, inside, outside, corners, None)
        return self._ask(message, (volume,), on_progress, on_done, on_failed)

    def explain(
        self, volume: Volume, model="automatic", options: dict | None = None, *,
        lesion: tuple[Sequence[int], np.ndarray] | None = None, layer: str | None = None, others: Sequence[Volume] = (),
        on_progress=None, on_done=None, on_failed=None,
    ) -> Request:  # fmt: skip
        """Grad-CAM heat, 0..1, of what the model found; of one lesion where that is given.

        Parameters
        ----------
        lesion : (start (k, j, i) in the volume's array, mask of the lesion's box), or None for all.
        layer : dotted name of a module of the network; None for the network's default.
        others : as for `segment`.
        """
        start = None if lesion is None else tuple(int(n) for n in lesion[0])
        mask = None if lesion is None else Array.inline(np.asarray(lesion[1], np.uint8))
        hashes = tuple(other.content_hash for other in others)
        message = Explain(
            self._next(), volume.content_hash, str(model), options or {}, layer, start, mask, None, hashes
        )
        return self._ask(message, (volume, *others), on_progress, on_done, on_failed)

    def restart(self, inline: bool) -> None:
        """Another worker from now on, by what the transport starts next. What this one computes is cancelled."""
        self._inline = inline
        if self._state in ("starting", "up"):
            self._kill(CANCELLED)
        if inline and self._folder is not None:
            self._folder.close()
            self._folder = None

    def close(self) -> None:
        """End the worker and remove all files. Open requests are cancelled, without a callback."""
        self._state = "closed"
        for request in [self._active, *self._waiting]:
            if request is not None:
                request.failure = CANCELLED
        self._active = None
        self._waiting.clear()
        self._inbox.clear()
        self._transport.kill()
        if self._folder is not None:
            self._folder.close()
            self._folder = None

    # What transports and timers call

    def received(self, data: bytes) -> None:
        """Bytes from the worker's stdout."""
        if self._state not in ("starting", "up"):
            return
        self._heard = self._clock()
        try:
            for frame in self._decoder.feed(data):
                self._inbox.append(messages.decode(frame))
        except ProtocolError as error:
            self._garbage(error)
        self._work_off()

    def ended(self, exit_code: int | None, stderr_tail: str = "") -> None:
        """The process is gone, or did not start."""
        if self._state == "closed":
            return
        self._work_off()  # it may have answered before it died
        state, self._state = self._state, "down"
        self._reset()
        self._remove_reply()  # also after a kill: it may have written one while it died
        active = self._active
        if state == "up" and active is not None and not (active._begun or active._resent or active._cancelled_at):
            log.warning("the worker was gone (exit code %s) before it began; asking a fresh one", exit_code)
            active._resent = True
            self._active = None
            self._waiting.appendleft(active)
        elif state != "ending":
            log.error("the worker ended, exit code %s; its last words:\n%s", exit_code, stderr_tail)
            self._give_up(_fault(_obituary(state, exit_code, stderr_tail)), started=state == "up")
        self._pump()

    def tick(self) -> None:
        """Notice what does not happen: silence, a Cancel that is not heard."""
        now = self._clock()
        if now - self._ticked > HOST_PAUSE:
            self._heard += now - self._ticked
        self._ticked = now
        self._work_off()
        self._pump()
        silence = self._heartbeat_silence if self.devices else self._start_patience
        active = self._active
        if active and active._cancelled_at is not None and now - active._cancelled_at >= self._cancel_patience:
            log.warning("the worker did not hear Cancel; killed")
            self._kill(CANCELLED)
        elif self._state in ("starting", "up") and now - self._heard >= silence:
            log.error("the worker was silent for %.0f s; killed", now - self._heard)
            self._kill(_fault(f"The worker stopped answering for {silence:.0f} s and was ended. Try again."))

    # The rest is private

    def _ask(self, message, images, on_progress, on_done, on_failed) -> Request:
        if self._state == "closed":
            raise RuntimeError("the conversation is closed")
        messages.encode(message)  # what cannot be sent is refused now, not when its turn comes
        request = Request(self, message, images, on_progress, on_done, on_failed)
        self._waiting.append(request)
        self._pump()
        return request

    def _next(self) -> int:
        self._count += 1
        return self._count

    def _cancel(self, request: Request) -> None:
        if request in self._waiting:
            self._waiting.remove(request)
            self._fail(request, CANCELLED)
        elif request is self._active and request._cancelled_at is None:
            request._cancelled_at = self._clock()
            self._send(messages.Cancel(request._message.request))

    def _start(self) -> None:
        self._state = "starting"
        self._heard = self._ticked = self._clock()
        self._transport.start(self)

    def _kill(self, failure: Failure) -> None:
        """End the process. What it worked on fails at once; the next request starts when the process is gone."""
        started, self._state = self._state == "up", "ending"
        self._inbox.clear()
        self._transport.kill()
        self._give_up(failure, started)

    def _give_up(self, failure: Failure, started: bool) -> None:
        """The active request fails; with a worker that does not even start, all that wait for it do."""
        if self._active is not None:
            request, self._active = self._active, None
            self._fail(request, failure)
        while self._waiting and not started:
            self._fail(self._waiting.popleft(), failure)

    def _fail(self, request: Request, failure: Failure) -> None:
        request.failure = CANCELLED if request._cancelled_at is not None else failure
        if request._on_failed is not None:
            request._on_failed(request.failure)

    def _reset(self) -> None:
        """Forget what only the last process knew."""
        self._decoder = Decoder()
        self._known: set[tuple[str, str | None]] = set()  # (hash, of) of each image that was sent
        self.devices: tuple[str, ...] = ()
        self.torch = ""  # the worker's version of it

    def _pump(self) -> None:
        """Move the next request on as far as it goes."""
        if self._active is None and self._waiting:
            if self._state == "down":
                self._start()
            elif self._state == "up":
                self._active = self._waiting.popleft()
                self._send_request()

    def _send_request(self) -> None:
        request = self._active
        if request._images:
            first, *others = request._images
            self._send_image(first)
            for other in others:
                self._send_image(other, of=first.content_hash)
            reply = None if self._folder is None else str(self._folder.reply)
            request._message = replace(request._message, reply=reply)
        self._send(request._message)

    def _send_image(self, volume: Volume, of: str | None = None) -> None:
        """Once a process. `of` as in `messages.Volume`."""
        key = (volume.content_hash, of)
        if key in self._known:
            return
        # No worker reads the buffer now: it copies a volume before it hears the request that names it, and no request
        # is under way. A further image would overwrite the first, which may not be copied yet: it takes the pipe.
        array = None
        if self._folder is not None and of is None:
            try:
                array = self._folder.volume.put(volume.voxels)
            except OSError as error:
                log.warning("no room for a file to hand the volume over (%s): it goes through the pipe", error.strerror)
        self._send(messages.Volume(key[0], volume.geometry.as_dict(), array or Array.inline(volume.voxels), of))
        self._known.add(key)

    def _send(self, message: messages.Message) -> None:
        for piece in messages.encode(message):
            self._transport.write(piece)

    def _work_off(self) -> None:
        while self._inbox:  # not a for: a callback may raise, close or ask for more
            self._hear(self._inbox.popleft())

    def _hear(self, message: messages.Message) -> None:
        match message:
            case Hello():
                self._greet(message)
            case Ready():
                self.devices = message.devices
            case Failed(request=0):
                log.error("the worker cannot go on: %s", message.message)
                self._kill(_fault(message.message))
            case messages.Progress() | messages.Missing() | Done() | Failed():
                if self._active is not None and message.request == self._active._message.request:
                    self._hear_of_active(message)

    def _greet(self, hello: Hello) -> None:
        if hello.protocol != PROTOCOL:
            newer = "this side" if hello.protocol > PROTOCOL else "the worker's side"
            spoken = f"The worker (LungTumorSeg {hello.package}) speaks protocol {hello.protocol}, this side {PROTOCOL}"
            self._kill(_fault(f"{spoken}: update LungTumorSeg on {newer}."))
            return
        log.info("worker: LungTumorSeg %s, torch %s", hello.package, hello.torch or "missing")
        self.torch = hello.torch
        self._state = "up"
        if self._folder is None and not self._inline:
            try:
                self._folder = SharedFolder()
            except OSError as error:
                log.warning("no folder to hand arrays over (%s): they go through the pipe", error.strerror)
        self._send(messages.Attach(PROTOCOL, None if self._folder is None else str(self._folder.path)))
        self._pump()

    def _hear_of_active(self, message: messages.Progress | messages.Missing | Done | Failed) -> None:
        request = self._active
        request._begun = not isinstance(message, messages.Missing)
        cancelled = request._cancelled_at is not None
        match message:
            case messages.Progress():
                if request._on_progress is not None and not cancelled:
                    request._on_progress(message.stage, message.fraction, message.seconds_left)
            case messages.Missing() if not cancelled and not request._resent:
                request._resent, first = True, request._message.volume
                self._known -= {(first, None), *((image.content_hash, first) for image in request._images)}
                self._send_request()
            case messages.Missing():
                self._finish(_fault("The worker cannot keep the scan in its memory. Close other programs, try again."))
            case Failed():
                self._finish(Failure(message.kind, message.message))
            case Done() if cancelled:
                self._finish(CANCELLED)
            case Done():
                try:
                    outcome = Answer(message.meta, Box(message.start, self._read(message.array)))
                except (OSError, ValueError) as error:
                    outcome = _fault(f"The worker's answer could not be read: {error}. Try again.")
                self._finish(outcome)

    def _finish(self, outcome: Answer | Failure) -> None:
        """The worker has answered: the next request goes out, then the host is told."""
        request, self._active = self._active, None
        self._remove_reply()
        self._pump()
        if isinstance(outcome, Failure):
            self._fail(request, outcome)
        else:
            request.answer = outcome
            if request._on_done is not None:
                request._on_done(outcome)

    def _read(self, array: Array) -> np.ndarray:
        if array.file is not None and (self._folder is None or array.file != str(self._folder.reply)):
            raise ValueError("it lies in a file that the worker was not told")
        return array.load()

    def _garbage(self, error: ProtocolError) -> None:
        log.error("the worker does not keep to the protocol: %s", error)
        if self._state == "starting":
            self._kill(_fault(f"What was started is not LungTumorSeg's worker: {error}. Check the settings."))
        else:
            self._kill(_fault("The worker sent what cannot be understood and was ended. Try again."))

    def _remove_reply(self) -> None:
        if self._folder is not None:
            with contextlib.suppress(OSError):  # Windows: a dying worker still has it open; removed when it has ended
                self._folder.reply.unlink(missing_ok=True)


def _obituary(state: str, exit_code: int | None, stderr_tail: str) -> str:
    last = stderr_tail.strip().splitlines()[-1].strip() if stderr_tail.strip() else "it said nothing"
    if state == "starting":
        code = "" if exit_code is None else f" (exit code {exit_code})"
        return f"The worker could not start{code}: {last}. Check the worker's Python in the settings."
    if exit_code == -9:
        return "The worker was killed, perhaps because the memory ran out. Try again: a fresh one starts."
    how = f"signal {-exit_code}" if exit_code < 0 else f"exit code {exit_code}"
    return f"The worker ended ({how}). Try again: a fresh one starts."


def _fault(message: str) -> Failure:
    return Failure("fault", message)


def _points(points: Iterable[Sequence[float]]) -> tuple[messages.Point, ...]:
    return tuple((float(x), float(y), float(z)) for x, y, z in points)
