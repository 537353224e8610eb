"""Finds points in pictures that can be recognised, and the motions on which they agree."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.audit.attack import Seen
from pedsam_ros.core.planes import Matrix, shift
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Place

_FEATURES = 1000  # of a picture, at most
_CONTRAST = 0.01  # of a feature, a quarter of what SIFT takes by default: windows are small
_BLUR_PX = 2.0  # of what is not seen
_CLEAR = 0.7  # sizes of a feature, to the next border of what is seen
_RATIO = 0.8  # of the distances to the best and the second match. Source: Lowe, IJCV 2004
_NEAR_PX = 2.0  # of a match from where the motion puts it
_LEAST = 6  # matches that agree on a motion
_PLANES = 4  # of a scene, at most


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Points, (N, 2) float32: x, y in px, and what is around them, (N, 128) float32."""

    points: NDArray[np.float32]
    around: NDArray[np.float32]


def features(pixels: Pixels, seen: Seen | None = None) -> Features:
    """SIFT features of a picture, (H, W, 3) uint8; of what is seen, not near its borders.

    The borders of windows stay where they are when the camera moves. A feature that held some of
    one would tell that nothing moved, so what is not seen takes the nearest colour that is.
    """
    whole = seen is None or seen.all() or not seen.any()
    points, around = cv2.SIFT.create(_FEATURES, contrastThreshold=_CONTRAST).detectAndCompute(
        grey(pixels if whole or seen is None else _spread(pixels, seen)),
        None if seen is None else seen.astype(np.uint8),
    )
    places = np.array([each.pt for each in points], np.float32).reshape(-1, 2)
    values = np.asarray(around, np.float32) if len(points) else np.zeros((0, 128), np.float32)
    if seen is None:
        return Features(places, values)
    distance = cv2.distanceTransform(seen.astype(np.uint8), cv2.DIST_L2, 5)
    x, y = np.rint(places).astype(int).T
    sizes = np.array([each.size for each in points])
    height, width = seen.shape
    clear = distance[y.clip(0, height - 1), x.clip(0, width - 1)] > _CLEAR * sizes
    return Features(places[clear], values[clear])


def _spread(pixels: Pixels, seen: Seen) -> Pixels:
    """The picture, with the nearest seen colour where nothing is seen, a little blurred."""
    _, nearest = cv2.distanceTransformWithLabels(
        (~seen).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((int(nearest.max()) + 1, 3), np.uint8)
    colours[nearest[seen]] = pixels[seen]
    blurred = cv2.GaussianBlur(colours[nearest], (0, 0), _BLUR_PX)
    return np.where(seen[..., None], pixels, blurred).astype(np.uint8)


def matrices(present: Features, earlier: Features) -> Iterator[Matrix]:
    """Motions on which enough features agree: shifts, a similarity, a homography."""
    a, b = _matched(present, earlier)
    if len(a) < _LEAST:
        return
    steps = b - a
    near = np.linalg.norm(steps[:, None] - steps, axis=-1) < _NEAR_PX
    best = near[near.sum(1).argmax()]
    if best.sum() >= _LEAST:
        x, y = np.median(steps[best], 0)
        yield shift(x, y)
        yield shift(round(x), round(y))
    similar, chosen = cv2.estimateAffinePartial2D(a, b, ransacReprojThreshold=_NEAR_PX)
    if similar is not None and chosen.sum() >= _LEAST:
        yield np.vstack([similar, [0.0, 0.0, 1.0]])
    turned, chosen = cv2.findHomography(a, b, cv2.RANSAC, _NEAR_PX)
    if turned is not None and chosen.sum() >= 2 * _LEAST:  # it fits four of them in any case
        yield np.asarray(turned, np.float64)


def shifts(present: Place, earlier: Place, window_px: int) -> Iterator[Matrix]:
    """Motions by less than a window that fit the places, row and column, at which windows that
    move with the scene begin in two pictures."""
    down, right = ((b - a) % window_px for a, b in zip(present, earlier, strict=True))
    for y, x in product((down, down - window_px), (right, right - window_px)):
        yield shift(x, y)


def planes(present: Features, earlier: Features) -> list[Matrix]:
    """Homographies of the planes of a scene, the largest first; else that of standing still."""
    a, b = _matched(present, earlier)
    found: list[Matrix] = []
    while len(a) >= 2 * _LEAST and len(found) < _PLANES:
        matrix, chosen = cv2.findHomography(a, b, cv2.RANSAC, _NEAR_PX)
        if matrix is None or chosen.sum() < 2 * _LEAST:
            break
        found.append(np.asarray(matrix, np.float64))
        left = ~chosen.ravel().astype(bool)
        a, b = a[left], b[left]
    return found or [np.eye(3)]


def _matched(a: Features, b: Features) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Points of two pictures that look alike and like no other, (N, 2) each."""
    if len(a.points) < 2 or len(b.points) < 2:
        return a.points[:0], b.points[:0]
    pairs = [
        best
        for best, second in cv2.BFMatcher().knnMatch(a.around, b.around, k=2)
        if best.distance < _RATIO * second.distance
    ]
    ours = [pair.queryIdx for pair in pairs]
    theirs = [pair.trainIdx for pair in pairs]
    return a.points[ours], b.points[theirs]


def grey(pixels: Pixels) -> Pixels:
    """(H, W) uint8: the brightness of a picture, (H, W, 3) uint8 RGB."""
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)
