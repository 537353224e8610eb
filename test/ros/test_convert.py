"""Messages and core's types convert both ways, and nothing is lost on the wire."""

import numpy as np
import pytest
from rclpy.serialization import deserialize_message, serialize_message

from fakes import TINY
from pedsam_ros.core import codec
from pedsam_ros.core.errors import BadBatch
from pedsam_ros.core.types import (
    Embedding,
    FrameKey,
    Mask,
    Masks,
    Window,
    WorkerStatus,
)
from pedsam_ros.ros import convert
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
    status = WorkerStatus('c' * 16, 'vit_tiny', 1, 2, 3, 4, 0.5, 'e' * 32, 'why')
    assert convert.status_from_msg(sent(convert.status_to_msg(status))) == status


def test_masks_survive_with_the_cameras_header():
    """Every field of a mask comes back unchanged, and ids count from 1."""
    mask = Mask(0, 0.5, 0.25, (1, 2, 3, 4), 12, (5, 12, 43))
    masks = Masks(FrameKey(12, 'camera'), 6, 10, 'd' * 16, (mask, mask))
    msg = sent(convert.masks_to_msg(masks))
    back = convert.masks_from_msg(msg)
    assert [m.id for m in msg.masks] == [1, 2]
    assert (back.key, back.height, back.width, back.model_id) == (masks.key, 6, 10, 'd' * 16)
    for name in Mask.__slots__:
        assert getattr(back.masks[1], name) == getattr(mask, name)
