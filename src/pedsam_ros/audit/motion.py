"""Where the pixels of one picture lie in another: planes, and maps with a place for every pixel.

A `Matrix` is that of `core/planes.py`. A `Map` is (H, W, 2) float32: x and y of every pixel of the
present picture in another, px; NaN where that is unknown, or outside of the other. Whole numbers
are the middles of pixels.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core import planes
from pedsam_ros.core.planes import Matrix

Map: TypeAlias = NDArray[np.float32]
_OUTSIDE = -9.0  # of every picture


def pixels_of(size: tuple[int, ...]) -> Map:
    """The map of a picture of (H, W) = `size` px to itself."""
    y, x = np.mgrid[: size[0], : size[1]]
    return np.stack([x, y], -1).astype(np.float32)


def moved(places: Map, matrix: Matrix) -> Map:
    """Applies a matrix to places in a picture. A place behind the camera becomes NaN."""
    with np.errstate(all='ignore'):
        whole = places.astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]
        found = whole[..., :2] / np.where(whole[..., 2:] > 0, whole[..., 2:], np.nan)
    return np.asarray(found, np.float32)


def inside(places: Map, size: tuple[int, ...]) -> Map:
    """The same places, NaN where they lie outside of a picture of (H, W) = `size` px."""
    within = planes.inside(places, (size[0], size[1]))
    return np.where(within[..., None], places, np.float32(np.nan))


def plane(matrix: Matrix, size: tuple[int, ...]) -> Map:
    """The map of a matrix between two pictures of (H, W) = `size` px."""
    return inside(moved(pixels_of(size), matrix), size)


def chained(first: Map, second: Map) -> Map:
    """The map to a third picture: `first` leads to another, and `second` from there on."""
    x, y = _places(first)
    found = cv2.remap(second, x, y, cv2.INTER_LINEAR, borderValue=(np.nan, np.nan))
    return np.asarray(found, np.float32)


def carried(values: NDArray[Any], places: Map) -> NDArray[Any]:
    """What a picture has at the nearest pixel to each place; 0 where the place is NaN.

    `values` is (H, W) or (H, W, C) of bool or uint8.
    """
    x, y = _places(places)
    found = cv2.remap(values.astype(np.uint8), x, y, cv2.INTER_NEAREST)
    return np.asarray(found).astype(values.dtype)


def sampled(values: NDArray[Any], places: Map) -> NDArray[np.float32]:
    """What a picture, (H, W, C), has at each place, between its pixels; 0 where NaN."""
    x, y = _places(places)
    found = cv2.remap(values.astype(np.float32), x, y, cv2.INTER_LINEAR)
    return np.asarray(found, np.float32)


def apart(a: Map, b: Map) -> NDArray[np.float32]:
    """Distance, px, of the places that two maps give a pixel; NaN where one gives none."""
    return np.asarray(np.linalg.norm(a - b, axis=-1), np.float32)


def _places(places: Map) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    known = np.nan_to_num(places, nan=_OUTSIDE)
    return np.ascontiguousarray(known[..., 0]), np.ascontiguousarray(known[..., 1])
