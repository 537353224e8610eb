"""The two rules for the point that a point prompt has in a segment."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.pictures import tight_box


def farthest(pixels: NDArray[np.bool_]) -> tuple[int, int]:
    """x, y of the pixel farthest from the segment's border; the image's border counts too.

    `pixels` (H, W) must not be empty. Of several such pixels it is the uppermost, then leftmost.
    Source: SAM paper, appendix D.1.
    """
    left, top, width, height = tight_box(pixels)
    part = pixels[top : top + height, left : left + width]
    padded = np.pad(part, 1).astype(np.uint8)
    depth = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)[1:-1, 1:-1]
    y, x = np.unravel_index(int(depth.argmax()), depth.shape)
    return left + int(x), top + int(y)


def centre(pixels: NDArray[np.bool_]) -> tuple[int, int]:
    """x, y of the pixel at the centre of mass if it is in the segment, otherwise as `farthest`.

    Source: the benchmark of segment-anything-fast, which reproduces SAM's published COCO figure.
    It chooses another pixel where the centre lies outside the segment.
    """
    ys, xs = np.nonzero(pixels)
    x, y = round(float(xs.mean())), round(float(ys.mean()))
    return (x, y) if pixels[y, x] else farthest(pixels)


POINT_RULES: dict[str, Callable[[NDArray[np.bool_]], tuple[int, int]]] = {
    'farthest': farthest,
    'centre': centre,
}
