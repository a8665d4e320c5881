"""Bytes that nearly are a conversation."""

import random

import numpy as np

from LungTumorSegLib.worker import messages
from LungTumorSegLib.worker.messages import Array

VOXELS = Array.inline(np.arange(24, dtype=np.int16).reshape(2, 3, 4))
FROM_HOST = (
    messages.Attach(messages.PROTOCOL, None),
    messages.Volume("f00", {"shape": [2, 3, 4], "spacing": [1.0, 1.0, 1.0]}, VOXELS),
    messages.Volume("f01", {"shape": [2, 3, 4], "spacing": [1.0, 1.0, 1.0]}, VOXELS, "f00"),
    messages.Load(1, "load"),
    messages.Segment(2, "f00", "automatic", {"threshold": 0.5}, None, ("f01",)),
    messages.Prompt(3, "f00", "prompted", {}, ((1.0, 2.0, 3.0),), (), ((0.0, 0.0, 0.0), (4.0, 4.0, 4.0)), None),
    messages.Explain(4, "f00", "automatic", {}, None, (0, 0, 0), VOXELS, None),
    messages.Cancel(4),
)
FROM_WORKER = (
    messages.Hello(messages.PROTOCOL, "0.1.0", "2.13.0"),
    messages.Ready(("cpu",)),
    messages.Heartbeat(),
    messages.Progress(1, "lungs", 0.25, None),
    messages.Missing(1),
    messages.Done(1, {"device": "cpu"}, (0, 0, 0), VOXELS),
    messages.Failed(1, "refused", "this is no CT"),
)


def as_bytes(message) -> bytes:
    return b"".join(bytes(piece) for piece in messages.encode(message))


def spoilt(frame: bytes, chance: random.Random) -> bytes:
    """The frame with a few bytes changed, cut out, doubled, or replaced by noise."""
    data = bytearray(frame)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        match chance.randrange(5):
            case 0:
                data[at : at + 1] = chance.randbytes(1)
            case 1:
                del data[at : at + chance.randint(1, 9)]
            case 2:
                data[at:at] = data[at : at + chance.randint(1, 30)]
            case 3:
                data[at:at] = chance.choice([b"null", b"-1", b"1e999", b"[[", b'"', b"{}", b"\xff" * 8, b"\x00"])
            case 4:
                data[:] = chance.randbytes(chance.randint(0, 60)) if chance.random() < 0.1 else data
    return bytes(data)
