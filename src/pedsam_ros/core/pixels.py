"""Turns the bytes of an image file, and pixels of more than 8 bits, into (H, W, 3) uint8 RGB.

Files on disk and compressed messages come the same way, so that both look alike.
"""

from __future__ import annotations

import io
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pedsam_ros.core import image_bombs
from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.image_bombs import MAX_PIXELS
from pedsam_ros.core.shown import shown
from pedsam_ros.core.types import Pixels

_KINDS = ('JPEG', 'PNG', 'TIFF', 'WEBP', 'BMP', 'PPM', 'GIF')
_MOST_BYTES_A_PX = 8  # of four channels of 16 bits, which were not made smaller
_MOST_EXTRA_BYTES = 2**20  # beside the pixels
_AS_STORED = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH | cv2.IMREAD_IGNORE_ORIENTATION
_UPRIGHT = cv2.IMREAD_ANYCOLOR | cv2.IMREAD_ANYDEPTH
_RGB = getattr(cv2, 'IMREAD_COLOR_RGB', 0)  # of OpenCV 4.11 and later


def decode(
    data: bytes | Pixels, upright: bool = False, rgb: bool = True, most_px: int = MAX_PIXELS
) -> Pixels:
    """Reads the bytes of an image file as (H, W, 3) uint8 RGB. Transparency is ignored.

    With `upright` it is turned as the camera noted in EXIF. Without `rgb` the encoder had red and
    blue exchanged. 16 bits and floats become 8 bits as `grey_to_8_bit` and `colour_to_8_bit` say.
    It is decoded at full size: a reduced JPEG gives other pixels, also after the resize to the
    canvas. Of several images in a file the first is read. Raises BadImage; what is too large by
    its header, or made to cost more than its size, is refused before its pixels take memory.
    """
    kind, _, _, plain = _examined(data, most_px)
    how = _UPRIGHT if upright else _AS_STORED
    direct = bool(_RGB) and rgb and kind == 'JPEG'  # spares a pass over the pixels
    try:
        found = cv2.imdecode(np.frombuffer(plain, np.uint8), how | _RGB if direct else how)
    except cv2.error as error:
        what = shown(error, 200)
        raise BadImage(f'damaged {kind} of {len(data)} bytes: {what}') from error
    if found is None:
        raise BadImage(f'damaged or cut {kind} of {len(data)} bytes')
    check_size(found.shape[0], found.shape[1], most_px)
    if found.ndim == 2:
        return np.asarray(cv2.cvtColor(grey_to_8_bit(found), cv2.COLOR_GRAY2RGB), np.uint8)
    found = colour_to_8_bit(found)
    if rgb and not direct:
        found = cv2.cvtColor(found, cv2.COLOR_BGR2RGB)
    return np.asarray(found, np.uint8)


def header(data: bytes | Pixels, most_px: int = MAX_PIXELS) -> tuple[str, int, int]:
    """Returns kind ('JPEG', 'PNG', ...), height and width, px, that an image file announces.

    Sizes are those of the stored rows, whatever EXIF says. Raises BadImage if the kind is not
    known, if the image would have more than `most_px`, or if it is made to cost more than that.
    """
    return _examined(data, most_px)[:3]


def check_size(height: int, width: int, most_px: int) -> None:
    """Raises BadImage if an image of height x width px has more than `most_px`."""
    if height * width > most_px:
        raise BadImage(f'image of {width}x{height} px: at most {most_px} px (max_image_px)')


def _examined(data: bytes | Pixels, most_px: int) -> tuple[str, int, int, bytes]:
    """Kind, height and width, px, of an image file, and of its bytes those to be decoded."""
    if len(data) > (most := most_px * _MOST_BYTES_A_PX + _MOST_EXTRA_BYTES):
        raise BadImage(f'image file of {len(data)} bytes: at most {most} for {most_px} px')
    plain = image_bombs.defused(bytes(data), most_px)
    try:
        with Image.open(io.BytesIO(plain), formats=_KINDS) as image:
            kind, (width, height) = str(image.format), image.size
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise BadImage(f'image of more than {most_px} px, in {len(data)} bytes') from None
    except Exception as error:  # Pillow's readers of the kinds raise many types for damaged data
        kinds = ', '.join(_KINDS)
        raise BadImage(f'damaged, or none of {kinds} ({len(data)} bytes)') from error
    check_size(height, width, most_px)
    return kind, height, width, plain


def grey_to_8_bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Brightness, heat or depth, (H, W), as uint8 from 0 (the lowest value) to 255 (the highest).

    uint16 and float32 are stretched, because such cameras use only a narrow part of their range;
    uint8 stays as it is. Positive infinity (too far) counts as the highest value; no number, and
    negative infinity (too near), as the lowest. Raises BadImage for other types.
    """
    if values.dtype == np.uint8:
        return values
    _check(values, np.uint16, np.float32)
    if values.dtype == np.float32:
        values = values.astype(np.float64)  # the span of two floats may be infinite
        known = values[np.isfinite(values)]
        low, high = (known.min(), known.max()) if known.size else (0.0, 0.0)
        values = np.nan_to_num(values, copy=False, nan=low, posinf=high, neginf=low)
    else:
        low, high = values.min(), values.max()
    span = float(high) - float(low)
    return _scaled(values - low, 255.0 / (span or 1.0))


def colour_to_8_bit(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Colours, (H, W) or (H, W, C), as uint8: 65535 becomes 255, as in cv_bridge.

    uint8 stays as it is. Raises BadImage for other types.
    """
    if values.dtype == np.uint8:
        return values
    _check(values, np.uint16)
    return _scaled(values, 1 / 257)


def _scaled(values: NDArray[Any], by: float) -> NDArray[np.uint8]:
    flat = cv2.convertScaleAbs(values.reshape(values.shape[0], -1), alpha=by)  # rounds
    return np.asarray(flat, np.uint8).reshape(values.shape)


def _check(values: NDArray[Any], *known: type[Any]) -> None:
    if values.dtype not in known:
        names = ', '.join(['uint8', *(each.__name__ for each in known)])
        raise BadImage(f'pixels are {values.dtype}: they must be one of {names}')
