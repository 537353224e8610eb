"""Homographies: how a plane of the scene moves from one picture to another.

A `Matrix` is (3, 3) float64: x, y of the present picture to x, y of another, px. Whole numbers are
the middles of pixels.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

Matrix: TypeAlias = NDArray[np.float64]
Points: TypeAlias = NDArray[np.float32]  # (N, 2): x, y
Places: TypeAlias = NDArray[np.float32]  # (h, w, 2): x, y of every pixel in another picture
Size: TypeAlias = tuple[int, int]  # height, width
_LEAST_DEPTH = 1e-6
MOST_SCALE = 2.5  # of one picture against another, either way


def shift(x: float, y: float) -> Matrix:
    """The matrix that moves everything by x, y px."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def applied(matrix: Matrix, points: NDArray[np.floating]) -> Points:
    """Where the matrix puts points, (N, 2); not finite where that is nowhere."""
    with np.errstate(all='ignore'):
        whole = points @ matrix[:, :2].T + matrix[:, 2]
        return np.asarray(whole[:, :2] / whole[:, 2:], np.float32)


def places(matrix: Matrix, size: Size) -> Places:
    """Where the matrix puts every pixel of a picture of this size; infinite where that is
    nowhere."""
    if not np.isfinite(matrix).all():
        return np.full((*size, 2), np.inf, np.float32)
    found = np.asarray(cv2.perspectiveTransform(grid(size), matrix), np.float32)
    depths = corners(size) @ matrix[2, :2] + matrix[2, 2]
    if not (depths > _LEAST_DEPTH).all():  # OpenCV has 0, 0 where a place is nowhere
        found[np.abs(grid(size) @ matrix[2, :2] + matrix[2, 2]) < _LEAST_DEPTH] = np.inf
    return found


@lru_cache(maxsize=4)
def grid(size: Size) -> Places:
    """The places of the pixels of a picture in itself; it must not be changed."""
    y, x = np.mgrid[: size[0], : size[1]]
    found = np.stack([x, y], -1).astype(np.float32)
    found.flags.writeable = False
    return found


def corners(size: Size) -> Points:
    """The outer corners of a picture, (4, 2), clockwise from the top left."""
    bottom, right = size[0] - 0.5, size[1] - 0.5
    return np.array([[-0.5, -0.5], [right, -0.5], [right, bottom], [-0.5, bottom]], np.float32)


def most_moved(matrix: Matrix, size: Size) -> float:
    """How far the matrix moves a corner of a picture at most, px."""
    ends = corners(size)
    return float(np.abs(applied(matrix, ends) - ends).max())


def resized(matrix: Matrix, size: Size, small: Size) -> Matrix:
    """The matrix between two pictures of one size, as it is between both in a smaller size."""
    down, right = small[0] / size[0], small[1] / size[1]
    middle = np.array([[right, 0, (right - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1.0]])
    return np.asarray(middle @ matrix @ np.linalg.inv(middle))


def scale(matrix: Matrix, size: Size) -> float:
    """How many px of the other picture a px of this one is long, on average; 0 if it is mirrored
    or cannot be told."""
    found = applied(matrix, corners(size))
    if not np.isfinite(found).all():
        return 0.0
    area = float(cv2.contourArea(found, oriented=True)) / (size[0] * size[1])
    return float(np.sqrt(area)) if area > 0 else 0.0


def believable(matrix: Matrix, size: Size) -> bool:
    """Whether a camera could move so between two pictures: not mirrored, not through itself, not
    scaled by more than MOST_SCALE anywhere."""
    if not np.isfinite(matrix).all() or abs(np.linalg.det(matrix)) < 1e-9:
        return False
    outline = corners(size)
    if (outline @ matrix[2, :2] + matrix[2, 2] <= 0).any():
        return False
    found = applied(matrix, outline)
    if not np.isfinite(found).all() or not cv2.isContourConvex(found):
        return False
    pairs = zip(_sides(found), _sides(outline), strict=True)
    if any(not 1 / MOST_SCALE < now / before < MOST_SCALE for now, before in pairs):
        return False
    return 1 / MOST_SCALE < scale(matrix, size) < MOST_SCALE


def _sides(outline: Points) -> list[float]:
    """The lengths of the sides of a picture's outline, (4, 2)."""
    ends = outline.tolist()
    return [math.dist(one, other) for one, other in zip(ends, [*ends[1:], ends[0]], strict=True)]


def moderate(matrix: Matrix) -> bool:
    """Whether a matrix is far from the bounds of what numbers can hold: neither huge nor flat."""
    return bool(
        np.isfinite(matrix).all()
        and np.abs(matrix).max() < 1e5
        and 1e-4 < abs(np.linalg.det(matrix)) < 1e4
    )


def inside(found: Places, size: Size, beyond_px: float = 0.0) -> NDArray[np.bool_]:
    """(h, w): whether a place lies in a picture of this size, or as near to it."""
    low, high = -0.5 - beyond_px, -0.5 + beyond_px
    most = size[1] + high, size[0] + high, 0, 0
    return np.asarray(cv2.inRange(found, (low, low, 0, 0), most), np.uint8) > 0
