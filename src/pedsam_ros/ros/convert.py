"""Message <-> core type, both ways: the only file that names the fields of our messages."""

from __future__ import annotations

from array import array

import numpy as np
from geometry_msgs.msg import PointStamped
from sensor_msgs.msg import CompressedImage, Image, RegionOfInterest
from std_msgs.msg import Header

from pedsam_ros.core.errors import BadBatch, BadPrompt
from pedsam_ros.core.types import (
    Embedding,
    Frame,
    FrameKey,
    Mask,
    Masks,
    Prompt,
    Window,
    WorkerStatus,
)
from pedsam_ros.msg import Embedding as EmbeddingMsg
from pedsam_ros.msg import Mask as MaskMsg
from pedsam_ros.msg import Masks as MasksMsg
from pedsam_ros.msg import Prompt as PromptMsg
from pedsam_ros.msg import Window as WindowMsg
from pedsam_ros.msg import WorkerStatus as StatusMsg
from pedsam_ros.ros.images import rgb_from_compressed, rgb_from_image

_NS = 10**9
_TEXT = 500  # characters of a text that comes from a worker


def key_from_header(header: Header) -> FrameKey:
    """The identity of a camera image."""
    return FrameKey(header.stamp.sec * _NS + header.stamp.nanosec, header.frame_id)


def key_to_header(key: FrameKey) -> Header:
    """The camera's header again."""
    header = Header(frame_id=key.frame_id)
    header.stamp.sec, header.stamp.nanosec = divmod(key.stamp_ns, _NS)
    return header


def frame_from_msg(msg: Image | CompressedImage) -> Frame:
    """A camera image. Raises BadImage."""
    rgb = rgb_from_image(msg) if isinstance(msg, Image) else rgb_from_compressed(msg)
    return Frame(key_from_header(msg.header), rgb)


def window_to_msg(window: Window) -> WindowMsg:
    """For the wire."""
    height, width = window.pixels.shape[:2]
    return WindowMsg(
        request_id=window.request_id,
        model_id=window.model_id,
        window=window.index,
        height=height,
        width=width,
        reply_dtype=window.reply_dtype,
        within_s=window.within_s,
        pixels=array('B', window.pixels.tobytes()),
    )


def window_from_msg(msg: WindowMsg) -> Window:
    """From the wire. Raises BadBatch if the pixels are not height x width x 3."""
    if len(msg.pixels) != msg.height * msg.width * 3:
        raise BadBatch(f'{len(msg.pixels)} bytes of pixels: not {msg.height}x{msg.width}x3')
    pixels = np.frombuffer(msg.pixels, np.uint8).reshape(msg.height, msg.width, 3)
    dtype, within_s = msg.reply_dtype, msg.within_s
    return Window(msg.request_id, msg.model_id, msg.window, pixels, dtype, within_s)


def embedding_to_msg(embedding: Embedding) -> EmbeddingMsg:
    """For the wire."""
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
    """From the wire; whether it is any good is core's to say."""
    return Embedding(
        request_id=msg.request_id,
        model_id=msg.model_id[:_TEXT],
        index=msg.window,
        shape=(msg.height, msg.width, msg.channels),
        dtype=msg.dtype[:_TEXT],
        values=memoryview(msg.values),
        encode_s=msg.encode_s,
    )


def status_to_msg(status: WorkerStatus) -> StatusMsg:
    """For the wire."""
    return StatusMsg(**{name: getattr(status, name) for name in WorkerStatus.__slots__})


def status_from_msg(msg: StatusMsg) -> WorkerStatus:
    """From the wire; a worker's texts are cut, whatever it sends."""
    fields = {name: getattr(msg, name) for name in WorkerStatus.__slots__}
    cut = {name: value[:_TEXT] for name, value in fields.items() if isinstance(value, str)}
    return WorkerStatus(**fields | cut)


def prompts_from_msg(messages: list[PromptMsg]) -> tuple[Prompt, ...]:
    """Raises BadPrompt if coordinates and labels do not go together."""
    return tuple(_prompt_from_msg(msg) for msg in messages)


def prompt_to_msg(prompt: Prompt) -> PromptMsg:
    """For a topic or a service call."""
    return PromptMsg(
        points=[float(value) for x, y, _ in prompt.points for value in (x, y)],
        labels=[label for _, _, label in prompt.points],
        box=[float(value) for value in prompt.box or ()],
    )


def prompt_from_point(msg: PointStamped) -> Prompt:
    """A click: one point on the object, x and y in image px."""
    return Prompt(points=((msg.point.x, msg.point.y, 1),))


def masks_to_msg(masks: Masks) -> MasksMsg:
    """For the robot's domain, with the camera's header."""
    return MasksMsg(
        header=key_to_header(masks.key),
        height=masks.height,
        width=masks.width,
        model_id=masks.model_id,
        masks=[_mask_to_msg(mask, number) for number, mask in enumerate(masks.masks, 1)],
        stale_windows=array('H', masks.stale_windows),
    )


def masks_from_msg(msg: MasksMsg) -> Masks:
    """Inverse of `masks_to_msg`."""
    key, masks = key_from_header(msg.header), tuple(map(_mask_from_msg, msg.masks))
    return Masks(key, msg.height, msg.width, msg.model_id, masks, tuple(msg.stale_windows))


def _prompt_from_msg(msg: PromptMsg) -> Prompt:
    if len(msg.points) != 2 * len(msg.labels) or len(msg.box) not in (0, 4):
        raise BadPrompt(
            f'{len(msg.points)} numbers of points, {len(msg.labels)} labels, '
            f'{len(msg.box)} numbers of the box: 2 for each label, and 0 or 4'
        )
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
