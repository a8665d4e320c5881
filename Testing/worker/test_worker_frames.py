import random
import struct
from dataclasses import fields

import numpy as np
import pytest
from fuzzed_messages import FROM_HOST, FROM_WORKER, VOXELS, as_bytes, spoilt

from LungTumorSegLib.worker import frames, messages
from LungTumorSegLib.worker.frames import Decoder, ProtocolError
from LungTumorSegLib.worker.messages import Array


@pytest.mark.parametrize("message", FROM_HOST + FROM_WORKER, ids=lambda m: type(m).__name__)
@pytest.mark.parametrize("cut", [1, 7, 1 << 20])
def test_every_message_arrives_as_it_was_sent_wherever_the_bytes_are_cut(message, cut):
    data, decoder = as_bytes(message) * 2, Decoder()
    heard = [frame for at in range(0, len(data), cut) for frame in decoder.feed(data[at : at + cut])]
    assert [messages.decode(frame) for frame in heard] == [message, message]
    for field in fields(message):
        if isinstance(getattr(message, field.name), Array):
            np.testing.assert_array_equal(getattr(messages.decode(heard[0]), field.name).load(), VOXELS.values)


def test_ten_thousand_spoilt_frames_are_messages_or_a_protocol_error_and_nothing_else():
    chance, errors = random.Random(1), []
    for _ in range(10_000):
        data = spoilt(as_bytes(chance.choice(FROM_HOST + FROM_WORKER)), chance)
        try:
            for frame in Decoder().feed(data):
                messages.decode(frame)
        except ProtocolError as error:
            errors.append(str(error))
    assert len(errors) > 1000
    assert [error for error in errors if "\n" in error] == []


def test_a_spoilt_header_of_right_length_is_a_protocol_error_and_nothing_else():
    chance, refused = random.Random(2), 0
    for _ in range(10_000):
        frame = as_bytes(chance.choice(FROM_HOST + FROM_WORKER))
        _, header_length, buffers_length = frames.PREFIX.unpack_from(frame)
        end = frames.PREFIX.size + header_length
        header = spoilt(frame[frames.PREFIX.size : end], chance)
        prefix = frames.PREFIX.pack(frames.MAGIC, len(header), buffers_length)
        try:
            for each in Decoder().feed(prefix + header + frame[end:]):
                messages.decode(each)
        except ProtocolError:
            refused += 1
    assert refused > 1000


def test_a_frame_that_announces_more_than_allowed_is_refused_at_once():
    with pytest.raises(ProtocolError, match="larger than allowed"):
        Decoder().feed(struct.pack(">4sIQ", frames.MAGIC, 10, 1 << 60))
    with pytest.raises(ProtocolError, match="larger than allowed"):
        Decoder().feed(struct.pack(">4sIQ", frames.MAGIC, 1 << 31, 0))


def test_a_large_frame_takes_memory_only_as_it_comes():
    import tracemalloc

    tracemalloc.start()
    decoder = Decoder()
    decoder.feed(struct.pack(">4sIQ", frames.MAGIC, 10, 3 << 30) + bytes(1000))
    assert tracemalloc.get_traced_memory()[1] < 1_000_000
    tracemalloc.stop()


def test_what_a_login_shell_prints_is_named_in_the_error():
    with pytest.raises(ProtocolError, match="Welcome to"):
        Decoder().feed(b"Welcome to gpu01\n")


@pytest.mark.parametrize("text", [b"[" * 100_000, b'{"buffers": [1e3]}', b'{"buffers": [-1]}', b"\xff", b"[]", b"{}"])
def test_a_header_that_is_none_is_a_protocol_error(text):
    with pytest.raises(ProtocolError):
        Decoder().feed(frames.PREFIX.pack(frames.MAGIC, len(text), 0) + text)


@pytest.mark.parametrize("dtype", ["|O", "<U8", "|V100", "<f3", "i2,i2", "(9999999,9999999)f8", "float"])
def test_only_plain_numbers_travel(dtype):
    header = {"type": "volume", "hash": "a", "geometry": {}, "of": None}
    array = {"dtype": dtype, "shape": [1, 1, 1], "file": "/nowhere"}
    (frame,) = Decoder().feed(b"".join(frames.encode(header | {"array": array})))
    with pytest.raises(ProtocolError, match="plain numbers"):
        messages.decode(frame)


def test_an_impossible_shape_is_refused():
    for shape in ([-1, -1, 1], [1 << 20, 1 << 20, 1 << 20], [1, 1]):
        header = {"type": "volume", "hash": "a", "geometry": {}, "of": None}
        array = {"dtype": "<i2", "shape": shape, "file": "/nowhere"}
        (frame,) = Decoder().feed(b"".join(frames.encode(header | {"array": array})))
        with pytest.raises(ProtocolError):
            messages.decode(frame)
