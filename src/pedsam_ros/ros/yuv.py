"""Reads images whose brightness and colours lie in planes of their own.

`step` is the number of bytes in a row of brightness: step x height counts no colours. Colours
are those of BT.601 in the range 16 to 235, as in OpenCV's other conversions from YUV.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from sensor_msgs.msg import Image

from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.types import Pixels

_PAIRED = {'nv12': cv2.COLOR_YUV2RGB_NV12, 'nv21': cv2.COLOR_YUV2RGB_NV21}
_APART = {
    'yuv420': cv2.COLOR_YUV2RGB_I420,
    'i420': cv2.COLOR_YUV2RGB_I420,
    'yv12': cv2.COLOR_YUV2RGB_YV12,
}
PLANAR = (*_PAIRED, *_APART, 'nv24')
_TO_RGB = np.array(  # source: ITU-R BT.601
    [[1.164, 0.0, 1.596, -222.9], [1.164, -0.391, -0.813, 135.5], [1.164, 2.018, 0.0, -276.9]]
)


def rgb_from_planes(msg: Image) -> Pixels:
    """Reads an image in one of the encodings `PLANAR` as (H, W, 3) uint8 RGB.

    Raises BadImage if its sizes contradict each other, or cannot be halved where colours have
    half the size.
    """
    half = msg.encoding != 'nv24'
    if half and (msg.width % 2 or msg.height % 2):
        raise BadImage(
            f'{msg.width}x{msg.height} px: {msg.encoding} images have an even width and height'
        )
    rows = msg.height * 3 // 2 if half else msg.height * 3
    step = msg.width if len(msg.data) == rows * msg.width else msg.step
    if len(msg.data) != rows * step or step < msg.width:
        raise BadImage(
            f'{len(msg.data)} bytes, step={msg.step}: {msg.width}x{msg.height} px of '
            f'{msg.encoding} take {rows} rows of at least {msg.width} bytes'
        )
    planes = np.frombuffer(msg.data, np.uint8).reshape(rows, step)
    if not half:
        return _from_nv24(planes, msg.height, msg.width)
    if msg.encoding in _PAIRED:
        packed, code = planes[:, : msg.width], _PAIRED[msg.encoding]
    else:
        packed, code = _without_padding(planes, msg.height, msg.width), _APART[msg.encoding]
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(packed), code), np.uint8)


def _without_padding(planes: Pixels, height: int, width: int) -> Pixels:
    """(3H/2, step) -> (3H/2, W). A row of step bytes holds two rows of half the width."""
    step = planes.shape[1]
    if step == width:
        return planes
    if step % 2:
        raise BadImage(f'step={step}: rows of colours have half of it, so it is even')
    colours = planes[height:].reshape(height, step // 2)[:, : width // 2]
    return np.vstack([planes[:height, :width], colours.reshape(height // 2, width)])


def _from_nv24(planes: Pixels, height: int, width: int) -> Pixels:
    """(3H, step), brightness above pairs of colours of full size -> (H, W, 3) RGB."""
    pairs = planes[height:].reshape(height, -1)[:, : 2 * width].reshape(height, width, 2)
    yuv: NDArray[np.uint8] = np.dstack([planes[:height, :width], pairs])
    return np.asarray(cv2.transform(yuv, _TO_RGB), np.uint8)
