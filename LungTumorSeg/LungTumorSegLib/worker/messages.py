"""What host and worker say to each other, one small type a message.

Host to worker: `Attach`, `Volume`, `Load`, `Segment`, `Prompt`, `Explain`, `Cancel`.
Worker to host: `Hello`, `Ready`, `Heartbeat`, `Progress`, `Missing`, `Done`, `Failed`.

Points are LPS mm (x, y, z); boxes and shapes are in array order (k, j, i) of the volume they belong to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields
from types import NoneType, UnionType
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from LungTumorSegLib.worker import frames
from LungTumorSegLib.worker.frames import Frame, ProtocolError

PROTOCOL = 3

Point = tuple[float, float, float]
Index = tuple[int, int, int]


@dataclass(frozen=True)
class Array:
    """Voxels on their way: in a file that both sides can open (`file`), or inside the frame (`values`)."""

    dtype: str
    shape: Index
    file: str | None = None
    values: np.ndarray | None = field(default=None, compare=False, repr=False)

    @classmethod
    def inline(cls, values: np.ndarray) -> Array:
        return cls(values.dtype.str, values.shape, values=np.ascontiguousarray(values))

    def load(self) -> np.ndarray:
        """The voxels, in memory of this process's own.

        Raises
        ------
        OSError, ValueError
            The file is gone or too short.
        """
        if self.file is None:
            return self.values
        if 0 in self.shape:
            return np.empty(self.shape, self.dtype)
        return np.array(np.memmap(self.file, self.dtype, mode="r", shape=self.shape))


@dataclass(frozen=True)
class Hello:
    """The worker's first words, sent before torch is imported. `torch` is the installed version, "" if none is."""

    protocol: int
    package: str
    torch: str


@dataclass(frozen=True)
class Attach:
    """The host's first words: its private folder, where arrays pass; None where all arrays travel in the frames."""

    protocol: int
    folder: str | None


@dataclass(frozen=True)
class Ready:
    """torch is loaded; what the worker can compute on, best first, as for `Options.device`."""

    devices: tuple[str, ...]


@dataclass(frozen=True)
class Heartbeat:
    """Once a second from a thread of its own, also while computing."""


@dataclass(frozen=True)
class Volume:
    """A scan, by which later requests go by `hash` (`volume.geometry.Volume.content_hash`).

    `of`: the first image of the case that this is a further one of; None for the first, which is sent before them.
    """

    hash: str
    geometry: dict
    array: Array
    of: str | None = None


@dataclass(frozen=True)
class Load:
    """Have this model in memory before it is asked for."""

    request: int
    model: str


@dataclass(frozen=True)
class Segment:
    """`reply`: the file to answer into; None to answer in the frame. `others`: the case's further images, by hash."""

    request: int
    volume: str
    model: str
    options: dict
    reply: str | None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prompt:
    request: int
    volume: str
    model: str
    options: dict
    points_inside: tuple[Point, ...]
    points_outside: tuple[Point, ...]
    box: tuple[Point, Point] | None
    reply: str | None


@dataclass(frozen=True)
class Explain:
    """Grad-CAM of the model's last answer for the volume; of one lesion where `mask` and its `start` are given."""

    request: int
    volume: str
    model: str
    options: dict
    layer: str | None
    start: Index | None
    mask: Array | None
    reply: str | None
    others: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cancel:
    request: int


@dataclass(frozen=True)
class Progress:
    """`fraction` of the request that is done, 0..1; `seconds_left` where it can be told."""

    request: int
    stage: str
    fraction: float
    seconds_left: float | None


@dataclass(frozen=True)
class Missing:
    """The worker does not have the request's volume (any more): send it, then the request again."""

    request: int


@dataclass(frozen=True)
class Done:
    """`array`: float32 probability (or heat) of the box that begins at `start`."""

    request: int
    meta: dict
    start: Index
    array: Array


@dataclass(frozen=True)
class Failed:
    """A request that ended without an answer; `request` 0: the worker itself cannot go on. `message`: one line."""

    request: int
    kind: Literal["refused", "cancelled", "fault"]
    message: str


Message = (
    Hello | Attach | Ready | Heartbeat | Volume | Load | Segment | Prompt | Explain | Cancel
    | Progress | Missing | Done | Failed
)  # fmt: skip
KINDS: dict[str, type] = {kind.__name__.lower(): kind for kind in get_args(Message)}
FIELDS = {name: get_type_hints(kind) for name, kind in KINDS.items()}


def encode(message: Message) -> list[bytes | memoryview]:
    """The message's frame, as pieces to write."""
    header, buffers = {"type": type(message).__name__.lower()}, []
    for f in fields(message):
        value = getattr(message, f.name)
        if isinstance(value, Array):
            if value.file is None:
                buffers.append(memoryview(value.values.reshape(-1)))
            value = {"dtype": value.dtype, "shape": value.shape, "file": value.file}
        header[f.name] = value
    return frames.encode(header, buffers)


def decode(frame: Frame) -> Message:
    """The message in a frame.

    Raises
    ------
    ProtocolError
        An unknown message, or fields that are not those of its type.
    """
    name = frame.header.get("type")
    kind = KINDS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise ProtocolError(f"unknown message {str(name)[:40]!r}")
    hints = FIELDS[name]
    if set(frame.header) != {"type", *hints}:
        raise ProtocolError(f"the message {name!r} has other fields than expected")
    try:
        values = {f: _checked(frame.header[f], hint, frame) for f, hint in hints.items()}
    except (TypeError, ValueError) as error:
        raise ProtocolError(f"the message {name!r} has a field of the wrong type: {error}") from None
    return kind(**values)


def _checked(value: Any, hint: Any, frame: Frame) -> Any:
    """The JSON value as the type hint wants it. TypeError or ValueError where it does not fit."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return None if value is None else _checked(value, next(a for a in arguments if a is not NoneType), frame)
    if origin is Literal:
        if value not in arguments:
            raise ValueError(f"{str(value)[:40]!r} is none of {arguments}")
        return value
    if origin is tuple:
        if not isinstance(value, list):
            raise TypeError("expected a list")
        if arguments[-1] is Ellipsis:
            arguments = (arguments[0],) * len(value)
        return tuple(_checked(v, a, frame) for v, a in zip(value, arguments, strict=True))
    if hint is Array:
        return _array(value, frame)
    if hint is float and type(value) is int:
        return float(value)
    if type(value) is not hint:
        raise TypeError(f"expected {hint.__name__}, got {type(value).__name__}")
    return value


def _array(value: Any, frame: Frame) -> Array:
    if not isinstance(value, dict) or set(value) != {"dtype", "shape", "file"}:
        raise TypeError("expected an array")
    name = _checked(value["dtype"], str, frame)
    if not re.fullmatch(r"[<>|][biuf][1248]", name):
        raise ValueError("arrays are of plain numbers")
    dtype = np.dtype(name)
    shape = _checked(value["shape"], Index, frame)
    bytes_needed = dtype.itemsize * shape[0] * shape[1] * shape[2]
    if min(shape) < 0 or bytes_needed > frames.MOST_BUFFER_BYTES:
        raise ValueError("the array's shape is impossible")
    if value["file"] is not None:
        return Array(dtype.str, shape, file=_checked(value["file"], str, frame))
    if len(frame.buffers) != 1 or len(frame.buffers[0]) != bytes_needed:
        raise ValueError("the array's bytes are not those of its shape")
    return Array(dtype.str, shape, values=np.frombuffer(frame.buffers[0], dtype).reshape(shape))
