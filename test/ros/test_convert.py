"""Messages and core's types convert both ways, and nothing is lost on the wire."""

import math
from dataclasses import replace

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message

import fakes
from fakes import TINY
from pedsam_ros.core import codec, wire
from pedsam_ros.core.errors import BadBatch, BadMasks
from pedsam_ros.core.types import (
    Embedding,
    FrameKey,
    Mask,
    Masks,
    Search,
    Window,
    WorkerStatus,
)
from pedsam_ros.msg import Embedding as EmbeddingMsg
from pedsam_ros.msg import Window as WindowMsg
from pedsam_ros.msg import WorkerStatus as StatusMsg
from pedsam_ros.ros import convert, plaintext
from rig import image_msg

pytestmark = pytest.mark.ros
RGB = np.random.default_rng(0).integers(0, 256, (6, 10, 3), dtype=np.uint8)


def sent(msg):
    """Returns the message as it arrives, serialised and read again."""
    return deserialize_message(serialize_message(msg), type(msg))


@pytest.mark.parametrize('stamp_ns', [0, 1, 999_999_999, 1_700_000_000_123_456_789])
def test_the_cameras_header_survives(stamp_ns):
    """The stamp is kept to the nanosecond, in headers and in frames."""
    key = FrameKey(stamp_ns, 'camera_optical')
    assert convert.key_from_header(sent(convert.key_to_header(key))) == key
    frame = convert.frame_from_msg(image_msg(RGB, stamp_ns, 'camera_optical'))
    assert frame.key == key


def test_windows_survive_the_wire():
    """Pixels, index and ids come back unchanged."""
    window = Window(2**64 - 1, 'a' * 16, 24, RGB, 'float16')
    back = convert.window_from_msg(sent(convert.window_to_msg(window)))
    assert (back.pixels == RGB).all()
    assert (back.request_id, back.model_id, back.index, back.reply_dtype) == (
        window.request_id,
        window.model_id,
        window.index,
        window.reply_dtype,
    )


def test_a_window_says_nothing_of_camera_and_time():
    """What a worker opens holds neither the frame's stamp nor its frame_id."""
    key = FrameKey(1_234_567_890_123_456_789, 'secret_bedroom_camera')
    _, sent_out = fakes.edge().start(replace(fakes.frame(), key=key), 0.0, fakes.ALL)
    stamp = b''.join(n.to_bytes(4, 'little') for n in divmod(key.stamp_ns, 10**9))
    for assignment in sent_out:
        content = plaintext.window_to_bytes(assignment.window)
        assert assignment.window.pixels.tobytes() in content
        for secret in (key.frame_id.encode(), stamp, key.stamp_ns.to_bytes(8, 'little')):
            assert secret not in content


def test_a_window_with_missing_pixels_is_refused():
    """The error names the number of bytes and the size that the message claims."""
    msg = convert.window_to_msg(Window(1, 'a', 0, RGB, 'float16'))
    msg.height = 7
    with pytest.raises(BadBatch, match='180 bytes of pixels: not 7x10x3'):
        convert.window_from_msg(msg)


@pytest.mark.parametrize('dtype', codec.DTYPES)
def test_embeddings_survive_the_wire(dtype):
    """The values come back unchanged to the last bit, for every number type."""
    tokens = np.random.default_rng(0).normal(size=(4, 2, TINY.dim)).astype(np.float32)
    values = codec.encode(tokens, dtype)
    embedding = Embedding(7, 'b' * 16, 4, (4, 2, TINY.dim), dtype, values, 0.25)
    back = convert.embedding_from_msg(sent(convert.embedding_to_msg(embedding)))
    assert bytes(back.values) == values
    assert (back.shape, back.dtype, back.encode_s) == (embedding.shape, dtype, 0.25)
    assert (
        codec.decode(back.values, back.shape, dtype) == codec.decode(values, back.shape, dtype)
    ).all()


def test_statuses_survive_the_wire():
    """Every field of a heartbeat comes back unchanged."""
    status = WorkerStatus('c' * 16, 'vit_tiny', 1, 2, 3, 4, 0.5, 'why', 'process', 'd' * 12)
    assert convert.status_from_msg(sent(convert.status_to_msg(status)), 'process') == status


@pytest.mark.parametrize('within_s', [-1.0, math.nan, math.inf, 4000.0])
def test_absurd_times_are_refused(within_s):
    """A window, an embedding and a heartbeat name no time that is not between 0 and an hour."""
    window = Window(1, 'a', 0, RGB, 'float16', within_s)
    embedding = Embedding(7, 'b', 4, (1, 1, 1), 'int8', b'', within_s)
    status = WorkerStatus('c', 'tiny', 1, 2, 3, 4, within_s, '')
    for read, written in (
        (convert.window_from_msg, convert.window_to_msg(window)),
        (convert.embedding_from_msg, convert.embedding_to_msg(embedding)),
        (convert.status_from_msg, convert.status_to_msg(status)),
    ):
        with pytest.raises(BadBatch, match='_s='):
            read(written)


def test_a_text_that_is_too_long_is_refused():
    """Its type has a bound, which not every DDS checks when it reads."""
    for name in ('model_id', 'reply_dtype'):
        msg = convert.window_to_msg(Window(1, 'a', 0, RGB, 'float16'))
        setattr(msg, f'_{name}', 'x' * 1000)
        with pytest.raises(BadBatch, match=f'{name}=x.*at most 64'):
            plaintext.window_from_bytes(wire.padded(serialize_message(msg), 0))


def test_what_is_no_message_is_refused():
    """Whatever the plaintext is: cut, foreign or empty."""
    data = wire.padded(plaintext.window_to_bytes(Window(1, 'a', 0, RGB, 'float16')), 400)
    assert (plaintext.window_from_bytes(data).pixels == RGB).all()
    for wrong in (b'', b'\0\0', data[:50], b'\xff' * 60, b'\0' * 40, data[4:]):
        with pytest.raises(BadBatch):
            plaintext.window_from_bytes(wrong)


def test_the_bounds_are_those_of_the_messages():
    """core/wire.py and msg/*.msg say the same."""
    fields = WindowMsg.get_fields_and_field_types()
    assert fields['pixels'] == f'sequence<uint8, {wire.MOST_PIXELS}>'
    assert fields['model_id'] == f'string<{wire.MOST_TEXT}>'
    fields = EmbeddingMsg.get_fields_and_field_types()
    assert fields['values'] == f'sequence<uint8, {wire.MOST_VALUES}>'
    fields = StatusMsg.get_fields_and_field_types()
    assert fields['last_error'] == f'string<{wire.MOST_ERROR}>'


def test_masks_survive_with_the_cameras_header():
    """Every field of a mask comes back unchanged, and ids count from 1."""
    mask = Mask(0, 0.5, 0.25, (1, 2, 3, 4), 12, (5, 12, 43))
    masks = Masks(FrameKey(12, 'camera'), 6, 10, 'd' * 16, (mask, mask), search=Search.LATE)
    msg = sent(convert.masks_to_msg(masks))
    back = convert.masks_from_msg(msg)
    assert [m.id for m in msg.masks] == [1, 2]
    assert back.search is Search.LATE
    assert (back.key, back.height, back.width, back.model_id) == (masks.key, 6, 10, 'd' * 16)
    for name in Mask.__slots__:
        assert getattr(back.masks[1], name) == getattr(mask, name)


def test_masks_whose_search_ended_in_an_unknown_way_are_refused():
    """The number may be anybody's."""
    msg = convert.masks_to_msg(Masks(FrameKey(12, 'camera'), 6, 10, 'd' * 16, ()))
    msg.search = 9
    with pytest.raises(BadMasks, match='search=9: one of 0, 1, 2'):
        convert.masks_from_msg(msg)
