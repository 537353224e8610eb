"""Turns camera images of any encoding into (H, W, 3) uint8 RGB, and pictures into messages.

This file reads the usual encodings itself, with numpy and OpenCV. It leaves all others to ROS 2's
cv_bridge, where that is installed.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.types import Pixels

_MONO16 = ('mono16', '16UC1')
_COLOURS: dict[str, tuple[int, Callable[[Any], Any]]] = {  # encoding: (channels, function to RGB)
    'rgb8': (3, lambda a: a),
    'bgr8': (3, lambda a: a[..., ::-1]),
    'rgba8': (4, lambda a: a[..., :3]),
    'bgra8': (4, lambda a: a[..., 2::-1]),
    '8UC3': (3, lambda a: a[..., ::-1]),  # OpenCV's own order, as in cv_bridge
    '8UC4': (4, lambda a: a[..., 2::-1]),
    'mono8': (1, lambda a: np.repeat(a, 3, axis=2)),
    '8UC1': (1, lambda a: np.repeat(a, 3, axis=2)),
    'yuv422': (2, lambda a: cv2.cvtColor(a, cv2.COLOR_YUV2RGB_UYVY)),
    'uyvy': (2, lambda a: cv2.cvtColor(a, cv2.COLOR_YUV2RGB_UYVY)),
    'yuv422_yuy2': (2, lambda a: cv2.cvtColor(a, cv2.COLOR_YUV2RGB_YUY2)),
    'yuyv': (2, lambda a: cv2.cvtColor(a, cv2.COLOR_YUV2RGB_YUY2)),
}


def _robots_bridge() -> Any:
    """Returns ROS 2's own cv_bridge, or None if it is not installed.

    The Python package index holds ROS 1's cv_bridge under the same name. That one reads some
    encodings wrong, so it is not used.
    """
    try:
        get_package_prefix('cv_bridge')
        from cv_bridge import CvBridge
    except (PackageNotFoundError, ImportError):
        return None
    return CvBridge()


_bridge = _robots_bridge()


def rgb_from_image(msg: Image) -> Pixels:
    """Reads a raw image as (H, W, 3) uint8 RGB.

    16-bit grey is stretched so that its darkest value becomes 0 and its brightest 255. Raises
    BadImage if the image is empty, its sizes contradict each other, or its encoding is unknown.
    """
    _check_sizes(msg)
    if msg.encoding in _MONO16:
        return _stretched(_rows(msg, 1, np.dtype('>u2' if msg.is_bigendian else '<u2')))
    if msg.encoding not in _COLOURS:
        if _bridge is not None:
            return _by_bridge(msg)
        known = ', '.join([*_COLOURS, *_MONO16])
        raise BadImage(f'encoding={msg.encoding!r}: without cv_bridge it must be one of {known}')
    channels, to_rgb = _COLOURS[msg.encoding]
    if channels == 2 and msg.width % 2:
        raise BadImage(f'width={msg.width}: {msg.encoding} images have an even width')
    return np.ascontiguousarray(to_rgb(_rows(msg, channels, np.dtype(np.uint8))))


def rgb_from_compressed(msg: CompressedImage) -> Pixels:
    """Reads a JPEG, a PNG or another format that OpenCV knows as (H, W, 3) uint8 RGB.

    16-bit grey is stretched as in `rgb_from_image`. Raises BadImage if the data are not readable.
    """
    data = np.frombuffer(msg.data, np.uint8)
    found = _decoded(data, cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    if found is not None and found.dtype == np.uint16 and (found == found[..., :1]).all():
        return _stretched(found[..., :1])
    bgr = found if found is not None and found.dtype == np.uint8 else _decoded(data)
    if bgr is None:
        raise BadImage(f'compressed image, format={msg.format!r}, {data.size} bytes: not readable')
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def _decoded(data: Pixels, how: int = cv2.IMREAD_COLOR) -> NDArray[Any] | None:
    try:
        return cv2.imdecode(data, how) if data.size else None
    except cv2.error:  # the header announces a larger image than OpenCV accepts
        return None


def image_to_msg(pixels: NDArray[Any], encoding: str, header: Header) -> Image:
    """Makes an Image of a contiguous (H, W) or (H, W, C) array, whose dtype fits `encoding`."""
    return Image(
        header=header,
        height=pixels.shape[0],
        width=pixels.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=pixels.strides[0],
        data=array('B', pixels.tobytes()),
    )


def _check_sizes(msg: Image) -> None:
    if not (msg.height and msg.width):
        raise BadImage(f'image of {msg.width}x{msg.height} px: empty')
    if len(msg.data) != msg.step * msg.height:
        raise BadImage(
            f'{len(msg.data)} bytes: step={msg.step} x height={msg.height} were expected'
        )


def _rows(msg: Image, channels: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Returns (H, W, channels) of `dtype`, without the padding at the ends of the rows.

    Raises BadImage if a row is too short for its pixels.
    """
    row_bytes = msg.width * channels * dtype.itemsize
    if msg.step < row_bytes:
        raise BadImage(
            f'step={msg.step}: {msg.width} px of {msg.encoding} take {row_bytes} bytes a row'
        )
    rows = np.frombuffer(msg.data, np.uint8).reshape(msg.height, msg.step)[:, :row_bytes]
    return np.ascontiguousarray(rows).view(dtype).reshape(msg.height, msg.width, channels)


def _stretched(mono: NDArray[Any]) -> Pixels:
    """(H, W, 1) grey -> (H, W, 3) uint8, from 0 (darkest) to 255 (brightest)."""
    low, high = int(mono.min()), int(mono.max())
    grey = (mono.astype(np.float32) - low) * (255.0 / max(1, high - low))
    return np.repeat(np.rint(grey).astype(np.uint8), 3, axis=2)


def _by_bridge(msg: Image) -> Pixels:
    """Lets cv_bridge read an image as (H, W, 3) uint8 RGB.

    cv_bridge reads the padding at the ends of rows as pixels, so an image with such padding is
    refused. Raises BadImage.
    """
    if msg.step % msg.width:
        raise BadImage(f'step={msg.step}: rows of {msg.encoding!r} must have no padding')
    try:
        rgb = np.ascontiguousarray(_bridge.imgmsg_to_cv2(msg, desired_encoding='rgb8'))
    except Exception as error:  # cv_bridge raises its own, OpenCV's and numpy's errors
        raise BadImage(f'encoding={msg.encoding!r}: {error}') from error
    if rgb.shape != (msg.height, msg.width, 3):
        raise BadImage(f'step={msg.step}: not the step of {msg.width} px of {msg.encoding!r}')
    return rgb
