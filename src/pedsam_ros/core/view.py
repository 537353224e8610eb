"""A frame as the tracker sees it, and where it was found."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pedsam_ros.core import planes
from pedsam_ros.core.keyframes import Keyframe
from pedsam_ros.core.planes import Matrix, Points, Size
from pedsam_ros.core.recognition import Features, features
from pedsam_ros.core.registration import (
    LEAST_POINTS,
    LONG_PX,
    MOST_SLACK_PX,
    Registration,
    edge_points,
    small_grey,
)
from pedsam_ros.core.types import Pixels

LEAST_FEATURES = 40  # of a view that may become a keyframe without being registered


class View:
    """The small picture of a frame, (H, W, 3) uint8; features are found when they are needed, in a
    picture of up to twice its size."""

    def __init__(self, rgb: Pixels) -> None:
        self._rgb = rgb
        self.grey = small_grey(rgb)
        self.points: Points = edge_points(self.grey)
        self.size: Size = self.grey.shape[0], self.grey.shape[1]

    @cached_property
    def features(self) -> Features:
        """What of it can be recognised; places are those of the small picture."""
        long_px = min(max(LONG_PX, *self._rgb.shape[:2]), 2 * LONG_PX)  # no larger than the frame
        return features(small_grey(self._rgb, long_px), LONG_PX / long_px)

    @property
    def clear(self) -> bool:
        """Whether it shows enough to find it again: no dark, blurred or blank one does."""
        return len(self.points) >= LEAST_POINTS and len(self.features.points) >= LEAST_FEATURES


@dataclass(frozen=True, slots=True, eq=False)
class Located:
    """A view, and the keyframe in which it was found."""

    keyframe: Keyframe
    registration: Registration

    @property
    def size(self) -> Size:
        """Of the view."""
        height, width = self.registration.believed.shape
        return height, width

    @property
    def origin(self) -> tuple[float, float]:
        """Where cell (0, 0) begins in the view: row and column, px of the small picture."""
        height, width = self.size
        y, x = np.mgrid[height / 16 : height : height / 8, width / 16 : width : width / 8]
        points = np.stack([x.ravel(), y.ravel()], -1)
        right, down = np.median(planes.applied(self.registration.matrix, points) - points, axis=0)
        return self.keyframe.origin[0] - float(down), self.keyframe.origin[1] - float(right)


def at_itself(keyframe: Keyframe) -> Located:
    """A keyframe's own view, in itself."""
    return Located(keyframe, plane(np.eye(3), keyframe.size, keyframe.size))


def plane(matrix: Matrix, size: Size, there: Size) -> Registration:
    """What is known if nothing but the matrix is."""
    places = planes.places(matrix, size)
    common = planes.inside(places, there)
    slack = 1.0 if np.array_equal(matrix, np.eye(3)) else MOST_SLACK_PX
    return Registration(
        matrix, places, common, float(common.mean()), 1.0, np.ones_like(common), slack
    )
