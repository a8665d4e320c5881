"""Frames: how one message lies on the wire. No input or output here, only bytes.

A frame is ``magic (4) | header length (u32) | buffers' length (u64) | header, JSON | buffers, raw``; numbers are
big-endian. The header's key ``"buffers"`` lists how many bytes each raw buffer has.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import NamedTuple

MAGIC = b"LTS\x01"
PREFIX = struct.Struct(">4sIQ")
# A table of some thousand lesions is below 4 MiB; float32 of 1024 x 1024 x 1000 voxels is 4 GiB.
MOST_HEADER_BYTES = 4 << 20
MOST_BUFFER_BYTES = 4 << 30


class ProtocolError(Exception):
    """What came over the pipe is not what the two sides agreed on. The message is one line."""


class Frame(NamedTuple):
    header: dict
    buffers: tuple[memoryview, ...]


def encode(header: dict, buffers: Sequence[memoryview] = ()) -> list[bytes | memoryview]:
    """The frame as pieces to be written one after the other; large buffers are not copied.

    Raises
    ------
    ProtocolError
        Header or buffers are larger than the other side accepts.
    """
    raw = [memoryview(b).cast("B") for b in buffers]
    text = json.dumps(header | {"buffers": [len(b) for b in raw]}, separators=(",", ":"), allow_nan=False).encode()
    total = sum(len(b) for b in raw)
    _check_sizes(len(text), total)
    return [PREFIX.pack(MAGIC, len(text), total) + text, *raw]


class Decoder:
    """Turns bytes, cut anywhere, into frames. Memory grows with what has come, never with what was announced."""

    def __init__(self):
        self._pending = bytearray()

    def feed(self, data: bytes | memoryview) -> list[Frame]:
        """The frames that these bytes complete, in order.

        Raises
        ------
        ProtocolError
            Not a frame, or one beyond the caps. The stream is lost then: nothing more can be decoded.
        """
        self._pending += data
        frames = []
        while (length := self._frame_length()) is not None and len(self._pending) >= length:
            frame, self._pending = self._pending, self._pending[length:]
            frames.append(_frame(memoryview(frame)[:length]))
        return frames

    def _frame_length(self) -> int | None:
        begin = bytes(self._pending[: len(MAGIC)])
        if not MAGIC.startswith(begin):
            raise ProtocolError(f"expected a message, got {bytes(self._pending[:60])!r}")
        if len(self._pending) < PREFIX.size:
            return None
        _, header_length, buffers_length = PREFIX.unpack_from(self._pending)
        _check_sizes(header_length, buffers_length)
        return PREFIX.size + header_length + buffers_length


def _check_sizes(header_length: int, buffers_length: int) -> None:
    if header_length > MOST_HEADER_BYTES or buffers_length > MOST_BUFFER_BYTES:
        raise ProtocolError(f"a message of {header_length} + {buffers_length} bytes is larger than allowed")


def _frame(frame: memoryview) -> Frame:
    _, header_length, buffers_length = PREFIX.unpack_from(frame)
    end = PREFIX.size + header_length
    try:
        header = json.loads(bytes(frame[PREFIX.size : end]))
    except (ValueError, RecursionError):  # UnicodeDecodeError and JSONDecodeError are ValueErrors
        raise ProtocolError("a message's header is not JSON") from None
    lengths = header.pop("buffers", None) if isinstance(header, dict) else None
    if not isinstance(lengths, list) or not all(type(n) is int and n >= 0 for n in lengths):
        raise ProtocolError("a message's header does not list its buffers")
    if sum(lengths) != buffers_length:
        raise ProtocolError(f"a message's buffers have {sum(lengths)} bytes, announced were {buffers_length}")
    buffers = []
    for length in lengths:
        buffers.append(frame[end : end + length])
        end += length
    return Frame(header, tuple(buffers))
