"""Finds again what a picture showed before, however far the camera has moved in the meantime.

Source of the features: Rublee et al., ORB, ICCV 2011.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.planes import Matrix, Points, Size, believable
from pedsam_ros.core.types import Pixels

MOST_FEATURES = 500  # of a picture
_RATIO = 0.8  # of the distances to the best and the second match. Source: Lowe, IJCV 2004
_NEAR_PX = 3.0  # of a match from where the motion puts it
_LEAST = 12  # matches that agree, to try a motion
_SURE = 24  # matches that agree, to believe it without a look at the picture
_SURE_SHARE = 0.4  # of all matches


@dataclass(frozen=True, slots=True, eq=False)
class Features:
    """Points that can be recognised, and what is around them, (N, 32) uint8."""

    points: Points
    around: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class Recognised:
    """A motion on which features agree; `sure` if they are many."""

    matrix: Matrix  # present -> earlier
    sure: bool


def features(grey: Pixels, scale: float = 1.0) -> Features:
    """The features of a picture, (h, w) uint8; their places are in a picture `scale` as large."""
    orb = cv2.ORB.create(MOST_FEATURES, 1.3, 5, edgeThreshold=16, patchSize=24, fastThreshold=6)
    found, around = orb.detectAndCompute(grey, None)
    places = np.array([each.pt for each in found], np.float32).reshape(-1, 2)
    points = np.asarray((places + 0.5) * scale - 0.5, np.float32)  # of the middles of pixels
    described = np.asarray(around, np.uint8) if len(found) else np.zeros((0, 32), np.uint8)
    return Features(points, described)


def recognised(present: Features, earlier: Features, size: Size) -> Recognised | None:
    """The motion from a present picture of this size to an earlier one; None if unknown."""
    a, b = _matched(present, earlier)
    if len(a) < _LEAST:
        return None
    cv2.setRNGSeed(1)  # equal pictures give equal motions
    matrix, chosen = cv2.findHomography(a, b, cv2.RANSAC, _NEAR_PX, maxIters=500)
    agree = 0 if matrix is None else int(chosen.sum())
    whole = np.asarray(matrix, np.float64)
    if agree < _LEAST or not believable(whole, size):
        return None
    sure = agree >= _SURE and agree >= _SURE_SHARE * len(a)
    return Recognised(whole, sure)


def _matched(a: Features, b: Features) -> tuple[Points, Points]:
    """Points of two pictures that look alike and like no other, (N, 2) each."""
    if min(len(a.points), len(b.points)) < 2:
        return a.points[:0], b.points[:0]
    pairs = [
        best
        for best, second in cv2.BFMatcher(cv2.NORM_HAMMING).knnMatch(a.around, b.around, k=2)
        if best.distance < _RATIO * second.distance
    ]
    ours, theirs = [pair.queryIdx for pair in pairs], [pair.trainIdx for pair in pairs]
    return a.points[ours], b.points[theirs]
