"""Turns messages into core's types and back.

Only this file, sealed_msg.py and exposure_msg.py deal with the fields of our messages one by one.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

import numpy as np
from geometry_msgs.msg import PointStamped
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from pedsam_ros.core.errors import BadBatch, BadMasks
from pedsam_ros.core.image_bombs import MAX_PIXELS
from pedsam_ros.core.prompts import MOST_POINTS, USUAL, Limits, too_many_points
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.shown import shown
from pedsam_ros.core.types import (
    Embedding,
    Frame,
    FrameKey,
    Mask,
    Masks,
    Prompt,
    Refusal,
    Search,
    Window,
    WorkerStatus,
)
from pedsam_ros.core.wire import MOST_ERROR, MOST_S, MOST_TEXT
from pedsam_ros.msg import Embedding as EmbeddingMsg
from pedsam_ros.msg import Mask as MaskMsg
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.msg import Prompt as PromptMsg
from pedsam_ros.msg import Refusal as RefusalMsg
from pedsam_ros.msg import Window as WindowMsg
from pedsam_ros.msg import WorkerStatus as StatusMsg
from pedsam_ros.ros.images import rgb_from_compressed, rgb_from_image

_NS = 10**9
_STATUS = [name.lstrip('_') for name in StatusMsg.get_fields_and_field_types()]


def key_from_header(header: Header) -> FrameKey:
    """Reads the identity of a frame from the header of its image."""
    return FrameKey(header.stamp.sec * _NS + header.stamp.nanosec, header.frame_id)


def key_to_header(key: FrameKey) -> Header:
    """Makes the camera's header again. Inverse of `key_from_header`."""
    header = Header(frame_id=key.frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(key.stamp_ns, _NS)
    return header


def frame_from_msg(msg: Image | CompressedImage, most_px: int = MAX_PIXELS) -> Frame:
    """Reads a camera image, as images.py does. Raises BadImage, also above `most_px` pixels."""
    read = rgb_from_image if isinstance(msg, Image) else rgb_from_compressed
    rgb = read(msg, most_px)
    return Frame(key_from_header(msg.header), rgb)


def window_to_msg(window: Window) -> WindowMsg:
    """Makes the message that carries a window to a worker."""
    height, width = window.pixels.shape[:2]
    return WindowMsg(
        request_id=window.request_id,
        model_id=window.model_id,
        window=window.index,
        offset_rows=window.offset[0],
        offset_columns=window.offset[1],
        top=window.corner[0],
        left=window.corner[1],
        height=height,
        width=width,
        reply_dtype=window.reply_dtype,
        within_s=window.within_s,
        pixels=array('B', window.pixels.tobytes()),
    )


def window_from_msg(msg: WindowMsg) -> Window:
    """Reads a window. Its pixels, (height, width, 3) uint8, share the message's memory.

    Raises BadBatch if the number of bytes is not height x width x 3, or a time or a text is not
    within its bounds. Whether the window fits a model is checked by `WorkerHalf.check`.
    """
    if len(msg.pixels) != msg.height * msg.width * 3:
        raise BadBatch(f'{len(msg.pixels)} bytes of pixels: not {msg.height}x{msg.width}x3')
    pixels = np.frombuffer(msg.pixels, np.uint8).reshape(msg.height, msg.width, 3)
    model_id, dtype = (_text(name, getattr(msg, name)) for name in ('model_id', 'reply_dtype'))
    within_s = _time('within_s', msg.within_s)
    offset, corner = (msg.offset_rows, msg.offset_columns), (msg.top, msg.left)
    where = msg.window, pixels
    return Window(msg.request_id, model_id, *where, dtype, within_s, offset, corner)


def embedding_to_msg(embedding: Embedding) -> EmbeddingMsg:
    """Makes the message that carries an embedding back to the edge."""
    height, width, channels = embedding.shape
    return EmbeddingMsg(
        request_id=embedding.request_id,
        model_id=embedding.model_id,
        window=embedding.index,
        height=height,
        width=width,
        channels=channels,
        dtype=embedding.dtype,
        encode_s=embedding.encode_s,
        values=array('B', embedding.values),
    )


def embedding_from_msg(msg: EmbeddingMsg) -> Embedding:
    """Reads an embedding without judging it; `Edge.accept` checks it.

    Its values share the message's memory. Raises BadBatch if a time or a text is not within its
    bounds.
    """
    return Embedding(
        request_id=msg.request_id,
        model_id=_text('model_id', msg.model_id),
        index=msg.window,
        shape=(msg.height, msg.width, msg.channels),
        dtype=_text('dtype', msg.dtype),
        values=memoryview(msg.values),
        encode_s=_time('encode_s', msg.encode_s),
    )


def status_to_msg(status: WorkerStatus) -> StatusMsg:
    """Makes the message of a worker's heartbeat."""
    fields = {name: getattr(status, name) for name in _STATUS}
    return StatusMsg(**fields | {'last_error': status.last_error[:MOST_ERROR]})


def status_from_msg(msg: StatusMsg, process: str = '') -> WorkerStatus:
    """Reads a worker's heartbeat. `process` tells its process from others of that worker.

    Raises BadBatch if a time or a text is not within its bounds.
    """
    _time('encode_s', msg.encode_s)
    _text('model_id', msg.model_id)
    _text('architecture', msg.architecture)
    _text('last_error', msg.last_error, MOST_ERROR)
    _text('codec_id', msg.codec_id)
    return WorkerStatus(**{name: getattr(msg, name) for name in _STATUS}, process=process)


def prompts_from_msg(messages: Sequence[PromptMsg], limits: Limits = USUAL) -> tuple[Prompt, ...]:
    """Reads prompts. One that cannot be read has a `fault` and keeps its place.

    Raises BadPrompt if they, or their points, are too many.
    """
    limits.check(len(messages), 0)  # first, because counting the points of many takes time
    sizes = (len(msg.labels) for msg in messages)
    limits.check(len(messages), sum(size for size in sizes if size <= MOST_POINTS))
    return tuple(_prompt_from_msg(msg) for msg in messages)


def refusals_to_msg(refused: Sequence[Refusal]) -> list[RefusalMsg]:
    """Makes the messages that say which prompts were refused, and why."""
    return [RefusalMsg(prompt=each.prompt, reason=each.reason) for each in refused]


def prompt_to_msg(prompt: Prompt) -> PromptMsg:
    """Makes the message of a prompt, for a topic or a service call."""
    return PromptMsg(
        points=[float(value) for x, y, _ in prompt.points for value in (x, y)],
        labels=[label for _, _, label in prompt.points],
        box=[float(value) for value in prompt.box or ()],
    )


def prompt_from_point(msg: PointStamped) -> Prompt:
    """Turns a click, x and y in image px, into a prompt: one point on the object."""
    return Prompt(points=((msg.point.x, msg.point.y, 1),))


def masks_to_msg(masks: Masks) -> MasksMsg:
    """Makes the message of all masks of a frame, with the camera's header. Ids count from 1."""
    return MasksMsg(
        header=key_to_header(masks.key),
        height=masks.height,
        width=masks.width,
        model_id=masks.model_id,
        masks=[_mask_to_msg(mask, number) for number, mask in enumerate(masks.masks, 1)],
        stale_windows=array('H', masks.stale_windows),
        shift=array('B', (*masks.shift.offset, *masks.shift.corner) if masks.shift else ()),
        search=int(masks.search),
    )


def masks_from_msg(msg: MasksMsg) -> Masks:
    """Reads the masks of a frame. Inverse of `masks_to_msg`. Raises BadMasks."""
    key, masks = key_from_header(msg.header), tuple(map(_mask_from_msg, msg.masks))
    stale, shift = tuple(msg.stale_windows), tuple(msg.shift)
    shifted = Shift((shift[0], shift[1]), (shift[2], shift[3])) if len(shift) == 4 else None
    if msg.search not in list(Search):
        raise BadMasks(f'search={msg.search}: one of {", ".join(map(str, map(int, Search)))}')
    size, search = (msg.height, msg.width), Search(msg.search)
    return Masks(key, *size, msg.model_id, masks, stale, shifted, search)


def _text(name: str, value: str, most: int = MOST_TEXT) -> str:
    """Raises BadBatch if a text is too long. Its type says so too, but not every DDS obeys."""
    if len(value) > most:
        raise BadBatch(f'{name}={shown(value, 20)}: at most {most} characters')
    return value


def _time(name: str, value: float) -> float:
    """Raises BadBatch if a number of seconds is not finite, negative or absurd."""
    if not 0.0 <= value <= MOST_S:
        raise BadBatch(f'{name}={value}: from 0 to {MOST_S} s')
    return value


def _prompt_from_msg(msg: PromptMsg) -> Prompt:
    if len(msg.points) != 2 * len(msg.labels) or len(msg.box) not in (0, 4):
        return Prompt(
            fault=f'{len(msg.points)} numbers in points, {len(msg.labels)} labels, '
            f'{len(msg.box)} numbers in box: there must be 2 for each label, and 0 or 4'
        )
    if fault := too_many_points(len(msg.labels)):  # before they are converted
        return Prompt(fault=fault)
    points = zip(msg.points[::2], msg.points[1::2], msg.labels, strict=True)
    box = (msg.box[0], msg.box[1], msg.box[2], msg.box[3]) if len(msg.box) else None
    return Prompt(tuple((float(x), float(y), int(label)) for x, y, label in points), box)


def _mask_to_msg(mask: Mask, number: int) -> MaskMsg:
    x, y, width, height = mask.box
    return MaskMsg(
        id=number,
        prompt=mask.prompt,
        score=mask.score,
        stability=mask.stability,
        box=RegionOfInterest(x_offset=x, y_offset=y, width=width, height=height),
        area=mask.area,
        counts=array('I', mask.counts),
    )


def _mask_from_msg(msg: MaskMsg) -> Mask:
    box = (msg.box.x_offset, msg.box.y_offset, msg.box.width, msg.box.height)
    return Mask(msg.prompt, msg.score, msg.stability, box, msg.area, tuple(msg.counts))
