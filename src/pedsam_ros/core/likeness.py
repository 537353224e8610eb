"""Whether two pictures show the same thing at the same place."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.planes import Places
from pedsam_ros.core.types import Pixels

_LOOK_PX = (9, 9)  # what is around a place
_TEXTURE = 6.0  # grey levels, root mean square: less is no texture
_CORRELATED = 0.3  # texture of one thing in two lights correlates so much at least
_AROUND_PX = (7, 7)  # of half the size


def alike(now: Pixels, then: Pixels, ends: Places, most: float) -> NDArray[np.bool_]:
    """Whether what is around each pixel looks as it does around its place in `then`."""
    difference = cv2.absdiff(now, sampled(then, ends))
    return np.asarray(cv2.blur(difference, _LOOK_PX) < most)


def same_texture(now: Pixels, then: Pixels, ends: Places) -> NDArray[np.bool_]:
    """Whether what is around each pixel may show the same thing as around its place in `then`,
    whatever the light: its texture correlates, or there is none."""
    one, other = (_high_pass(each) for each in (now, sampled(then, ends)))
    common, mine, theirs = (_mean(a * b) for a, b in ((one, other), (one, one), (other, other)))
    textured = np.maximum(mine, theirs) > _TEXTURE**2
    both = np.sqrt(np.maximum(mine, 0) * np.maximum(theirs, 0))
    same = (~textured | (common > _CORRELATED * both)).astype(np.uint8)
    size = now.shape[1], now.shape[0]
    return np.asarray(cv2.resize(same, size, interpolation=cv2.INTER_NEAREST)) > 0


def _high_pass(picture: Pixels) -> NDArray[np.float32]:
    """The texture of a picture, in half its size: what is finer than 2 px is none."""
    half = max(1, picture.shape[1] // 2), max(1, picture.shape[0] // 2)
    found = cv2.resize(picture, half, interpolation=cv2.INTER_AREA).astype(np.float32)
    return np.asarray(found - _mean(found), np.float32)


def _mean(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.blur(picture, _AROUND_PX), np.float32)


def moved_picture(
    now: Pixels, earlier: Pixels, places: Places, common: NDArray[np.bool_]
) -> Pixels:
    """An earlier picture as it looks now if its pixels are at these places, with the brightness
    and the contrast of `now` in what both show."""
    then = sampled(earlier, places)
    mask = common.astype(np.uint8)
    (mean,), (spread,) = (each.ravel() for each in cv2.meanStdDev(now, mask=mask))
    (was,), (spread_was,) = (each.ravel() for each in cv2.meanStdDev(then, mask=mask))
    gain = float(np.clip(spread / max(spread_was, 1e-3), 0.5, 2.0))
    table = np.clip((np.arange(256) - was) * gain + mean, 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(then, table), np.uint8)


def sampled(picture: NDArray[Any], ends: NDArray[Any]) -> NDArray[Any]:
    """What a picture has at each place, between its pixels."""
    found = cv2.remap(picture, ends, None, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)  # type: ignore[call-overload]
    return np.asarray(found)
