"""Turns camera images of any encoding into (H, W, 3) uint8 RGB, and pictures into messages.

This file reads the usual encodings itself, with numpy and OpenCV, and yuv.py the planar ones. All
others are left to ROS 2's cv_bridge, where that is installed.
"""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple

import cv2
import numpy as np
from ament_index_python.packages import PackageNotFoundError, get_package_prefix
from numpy.typing import NDArray
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from pedsam_ros.core import pixels
from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.image_bombs import MAX_PIXELS
from pedsam_ros.core.shown import shown, written
from pedsam_ros.core.types import Pixels
from pedsam_ros.ros import yuv

_TEXT = 100  # characters that are kept of a text from a camera


class _Layout(NamedTuple):
    """How an encoding lays out its pixels."""

    channels: int
    dtype: str
    to_rgb: int  # OpenCV's code


_RGB = -1  # nothing is to be done
_GREY = cv2.COLOR_GRAY2RGB
_BAYER = {  # OpenCV names a pattern by its second row
    'bayer_rggb': cv2.COLOR_BayerBG2RGB,
    'bayer_bggr': cv2.COLOR_BayerRG2RGB,
    'bayer_gbrg': cv2.COLOR_BayerGR2RGB,
    'bayer_grbg': cv2.COLOR_BayerGB2RGB,
}
_LAYOUTS = {
    'rgb8': _Layout(3, 'u1', _RGB),
    'bgr8': _Layout(3, 'u1', cv2.COLOR_BGR2RGB),
    'rgba8': _Layout(4, 'u1', cv2.COLOR_RGBA2RGB),
    'bgra8': _Layout(4, 'u1', cv2.COLOR_BGRA2RGB),
    'mono8': _Layout(1, 'u1', _GREY),
    'yuv422': _Layout(2, 'u1', cv2.COLOR_YUV2RGB_UYVY),
    'uyvy': _Layout(2, 'u1', cv2.COLOR_YUV2RGB_UYVY),
    'yuv422_yuy2': _Layout(2, 'u1', cv2.COLOR_YUV2RGB_YUY2),
    'yuyv': _Layout(2, 'u1', cv2.COLOR_YUV2RGB_YUY2),
    '8UC1': _Layout(1, 'u1', _GREY),
    '8UC3': _Layout(3, 'u1', cv2.COLOR_BGR2RGB),  # OpenCV's own order, as in cv_bridge
    '8UC4': _Layout(4, 'u1', cv2.COLOR_BGRA2RGB),
    'rgb16': _Layout(3, 'u2', _RGB),
    'bgr16': _Layout(3, 'u2', cv2.COLOR_BGR2RGB),
    'rgba16': _Layout(4, 'u2', cv2.COLOR_RGBA2RGB),
    'bgra16': _Layout(4, 'u2', cv2.COLOR_BGRA2RGB),
    'mono16': _Layout(1, 'u2', _GREY),
    '16UC1': _Layout(1, 'u2', _GREY),
    '16UC3': _Layout(3, 'u2', cv2.COLOR_BGR2RGB),
    '16UC4': _Layout(4, 'u2', cv2.COLOR_BGRA2RGB),
    '32FC1': _Layout(1, 'f4', _GREY),  # depth, m
    **{f'{pattern}8': _Layout(1, 'u1', code) for pattern, code in _BAYER.items()},
    **{f'{pattern}16': _Layout(1, 'u2', code) for pattern, code in _BAYER.items()},
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


def rgb_from_image(msg: Image, most_px: int = MAX_PIXELS) -> Pixels:
    """Reads a raw image as (H, W, 3) uint8 RGB. It may share the message's memory: do not write.

    Depth and 16-bit grey are stretched from their lowest value to their highest; 16-bit colours
    are divided by 257. Raises BadImage if the encoding is unknown, the image is empty or has more
    than `most_px`, or its sizes contradict each other.
    """
    layout = _LAYOUTS.get(msg.encoding)
    if layout is None and msg.encoding not in yuv.PLANAR and _bridge is None:
        known = ', '.join([*_LAYOUTS, *yuv.PLANAR])
        name = written(msg.encoding)
        raise BadImage(f'encoding={name}: without cv_bridge it must be one of {known}')
    if not (msg.height and msg.width):
        raise BadImage(f'image of {msg.width}x{msg.height} px: empty')
    pixels.check_size(msg.height, msg.width, most_px)
    if msg.encoding in yuv.PLANAR:
        return yuv.rgb_from_planes(msg)
    if len(msg.data) != msg.step * msg.height:
        raise BadImage(
            f'encoding={written(msg.encoding)}, {len(msg.data)} bytes: '
            f'step={msg.step} x height={msg.height} were expected'
        )
    return _by_bridge(msg) if layout is None else _by_layout(msg, layout)


def rgb_from_compressed(msg: CompressedImage, most_px: int = MAX_PIXELS) -> Pixels:
    """Reads a JPEG, a PNG or another file that `pixels.decode` knows as (H, W, 3) uint8 RGB.

    Like image_transport it ignores EXIF's orientation, since camera_info describes the stored
    rows, and obeys `format`: 'bgr8; png compressed rgb8' names the encoding of the camera and the
    order in which its colours were encoded, where OpenCV writes BGR. Raises BadImage if the data
    are not readable, or announce an image of more than `most_px`.
    """
    name = msg.format[:_TEXT]
    if 'compresseddepth' in name.lower():
        raise BadImage(
            f'format={written(name)}: compressedDepth is not read; take the raw depth topic'
        )
    source, _, how = name.lower().partition(';')
    order = how.partition('compressed')[2].strip() or (source if how else '')
    try:
        rgb = pixels.decode(_bytes_of(msg), rgb=not order.startswith('rgb'), most_px=most_px)
    except BadImage as error:
        what = f'compressed image, format={written(name)}'
        raise BadImage(f'{what}: not readable: {error}') from error
    if order.startswith('bayer_') and order in _LAYOUTS and (rgb == rgb[..., :1]).all():
        mosaic = np.ascontiguousarray(rgb[..., 0])
        return np.asarray(cv2.cvtColor(mosaic, _LAYOUTS[order].to_rgb), np.uint8)
    return rgb


def size_of(msg: Image | CompressedImage, most_px: int = MAX_PIXELS) -> tuple[int, int]:
    """Height and width, px, that an image announces. Raises BadImage if its header is damaged, or
    announces more than `most_px`."""
    if isinstance(msg, Image):
        pixels.check_size(msg.height, msg.width, most_px)
        return msg.height, msg.width
    return pixels.header(_bytes_of(msg), most_px)[1:]


def nbytes_of(msg: Image | CompressedImage) -> int:
    """The memory that an image takes: its data, and its texts, which may be of any length."""
    text = msg.encoding if isinstance(msg, Image) else msg.format
    return len(msg.data) + 4 * (len(text) + len(msg.header.frame_id))


def image_to_msg(values: NDArray[Any], encoding: str, header: Header) -> Image:
    """Makes an Image of a contiguous (H, W) or (H, W, C) array, whose dtype fits `encoding`."""
    return Image(
        header=header,
        height=values.shape[0],
        width=values.shape[1],
        encoding=encoding,
        is_bigendian=0,
        step=values.strides[0],
        data=array('B', values.tobytes()),
    )


def _bytes_of(msg: Image | CompressedImage) -> Pixels:
    return np.frombuffer(msg.data, np.uint8)


def _by_layout(msg: Image, layout: _Layout) -> Pixels:
    if layout.channels == 2 and msg.width % 2:
        raise BadImage(f'width={msg.width}: {msg.encoding} images have an even width')
    values = _values(msg, layout)
    if layout.dtype != 'u1':
        to_8_bit = pixels.grey_to_8_bit if layout.to_rgb == _GREY else pixels.colour_to_8_bit
        values = to_8_bit(values)
    if layout.to_rgb == _RGB:
        return np.ascontiguousarray(values)
    return np.asarray(cv2.cvtColor(values, layout.to_rgb), np.uint8)


def _values(msg: Image, layout: _Layout) -> NDArray[Any]:
    """Returns (H, W, channels), or (H, W) for one channel, without the padding of the rows.

    8-bit values share the message's memory. Raises BadImage if a row is too short.
    """
    dtype = np.dtype(layout.dtype).newbyteorder('>' if msg.is_bigendian else '<')
    pixel_bytes = layout.channels * dtype.itemsize
    if msg.step < msg.width * pixel_bytes:
        raise BadImage(
            f'step={msg.step}: {msg.width} px of {msg.encoding} take '
            f'{msg.width * pixel_bytes} bytes a row'
        )
    shape = (msg.height, msg.width, layout.channels)
    strides = (msg.step, pixel_bytes, dtype.itemsize)
    values: NDArray[Any] = np.ndarray(shape, dtype, _bytes_of(msg), strides=strides)
    if dtype.itemsize > 1:
        values = np.ascontiguousarray(values, layout.dtype)
    return values[..., 0] if layout.channels == 1 else values


def _by_bridge(msg: Image) -> Pixels:
    """Lets cv_bridge read an image as (H, W, 3) uint8 RGB.

    cv_bridge reads the padding at the ends of rows as pixels, so an image with such padding is
    refused. Raises BadImage.
    """
    if msg.step % msg.width:
        raise BadImage(f'step={msg.step}: rows of {written(msg.encoding)} must have no padding')
    try:
        rgb = np.ascontiguousarray(_bridge.imgmsg_to_cv2(msg, desired_encoding='rgb8'))
    except Exception as error:  # cv_bridge raises its own, OpenCV's and numpy's errors
        raise BadImage(f'encoding={written(msg.encoding)}: {shown(error, 200)}') from error
    if rgb.shape != (msg.height, msg.width, 3):
        raise BadImage(
            f'step={msg.step}: not the step of {msg.width} px of {written(msg.encoding)}'
        )
    return rgb
