"""Writes images into a rosbag2 that looks as if a camera had been recorded."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pedsam_ros.bags.message_types import typestore_with
from pedsam_ros.bags.rosbag import BagWriter
from pedsam_ros.core.camera import COMPRESSED_IMAGE, IMAGE
from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.types import Pixels

_TOPIC = re.compile(r'(/[A-Za-z_][A-Za-z0-9_]*)+')


def make_bag(
    images: Iterable[tuple[int, Pixels]],
    path: Path,
    *,
    topic: str = '/camera/image_raw',
    frame_id: str = 'camera',
    storage: str = 'mcap',
    compressed: bool = False,
) -> int:
    """Writes pairs (stamp in ns, (H, W, 3) uint8 RGB) as rgb8 images; returns their number.

    With `compressed` it writes JPEGs on topic + '/compressed' instead. After an error no bag
    remains. Raises ConfigError if a setting breaks a rule or there is no image, BadImage if an
    image has another shape or type.
    """
    topic = _checked_topic(topic) + ('/compressed' if compressed else '')
    to_cdr = _compressed_cdr if compressed else _image_cdr
    type_name = COMPRESSED_IMAGE if compressed else IMAGE
    writer = BagWriter(path, storage)
    count = 0
    with ExitStack() as undo:
        with writer:
            undo.callback(shutil.rmtree, path, ignore_errors=True)  # the folder is ours only now
            for stamp_ns, rgb in images:
                writer.write(topic, type_name, stamp_ns, to_cdr(stamp_ns, frame_id, rgb))
                count += 1
        if not count:
            raise ConfigError(f'{path}: no image to write')
        undo.pop_all()
    return count


def _checked_topic(topic: str) -> str:
    if not _TOPIC.fullmatch(topic):
        raise ConfigError(f"topic={topic!r}: '/' before each part; letters, digits and _")
    return topic


def _image_cdr(stamp_ns: int, frame_id: str, rgb: Pixels) -> memoryview:
    _check(rgb)
    height, width, _ = rgb.shape
    return _cdr(
        IMAGE,
        header=_header(stamp_ns, frame_id),
        height=height,
        width=width,
        encoding='rgb8',
        is_bigendian=0,
        step=3 * width,
        data=np.ascontiguousarray(rgb).reshape(-1),
    )


def _compressed_cdr(stamp_ns: int, frame_id: str, rgb: Pixels) -> memoryview:
    _check(rgb)
    _, jpeg = cv2.imencode('.jpg', cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
    return _cdr(
        COMPRESSED_IMAGE,
        header=_header(stamp_ns, frame_id),
        format='rgb8; jpeg compressed bgr8',  # as image_transport writes it
        data=jpeg.reshape(-1),
    )


def _check(rgb: Pixels) -> None:
    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or not rgb.size:
        raise BadImage(f'image of shape {rgb.shape}, {rgb.dtype}: (H, W, 3) uint8 is expected')


def _header(stamp_ns: int, frame_id: str) -> Any:
    types = typestore_with('std_msgs/msg/Header').types
    seconds, nanoseconds = divmod(stamp_ns, 10**9)
    stamp = types['builtin_interfaces/msg/Time'](sec=seconds, nanosec=nanoseconds)
    return types['std_msgs/msg/Header'](stamp=stamp, frame_id=frame_id)


def _cdr(type_name: str, **fields: Any) -> memoryview:
    store = typestore_with(type_name)
    return store.serialize_cdr(store.types[type_name](**fields), type_name)
