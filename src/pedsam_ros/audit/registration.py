"""Registers pictures of one scene to each other.

`Film` has whole frames, as the edge has, and believes only what it can check. `Album` has the
windows of one adversary alone. Neither knows anything of how the camera moved.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.audit.attack import View
from pedsam_ros.audit.features import Features, features, grey, matrices, planes, shifts
from pedsam_ros.audit.motion import (
    Map,
    chained,
    inside,
    moved,
    pixels_of,
    sampled,
)
from pedsam_ros.audit.placed import begins
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.planes import Matrix
from pedsam_ros.core.types import Pixels

_LEAST_SIDE_PX = 16  # OpenCV's flow fails on less
_OVERLAP_PX = 256  # pixels that both pictures must show to judge a motion
_TRIES = 4  # known views that another is compared with
_ALIKE = 30.0  # grey levels: mean difference of what two pictures show
_SAME = 16.0  # the same, where no feature tells that it is so: walls look like each other
_MOST_DIFFERENCE = 60.0  # grey levels; more counts as much: something else moved there
_LOOK_PX = (9, 9)  # what is around a pixel
_BACK_PX = 1.5  # where the flow forth and back may end, from where it began
_INVERSE = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
_INVERSE_NEAREST = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP


def whole(present: Pixels, earlier: Pixels, a: Features, b: Features) -> Map:
    """Registers whole frames of one size by their features and by dense flow.

    Each plane of the scene has a homography, from which the flow starts; a pixel takes the one
    under which it looks most alike. It is unknown if the flow back does not lead to where it
    began, or if what is around it looks different.
    """
    found = np.full((*present.shape[:2], 2), np.nan, np.float32)
    if min(present.shape[:2]) < _LEAST_SIDE_PX:
        return found
    least = np.full(present.shape[:2], _ALIKE, np.float32)
    for matrix in planes(a, b):
        places = _flow(present, earlier, matrix)
        difference = _around(present, earlier, places)
        better = difference < least
        found[better], least[better] = places[better], difference[better]
    return found


def confirmed(present: Pixels, earlier: Pixels, places: Map) -> Map:
    """The same map, NaN where what is around a place looks different in the two pictures."""
    alike = _around(present, earlier, places) < _ALIKE
    return np.where(alike[..., None], places, np.float32(np.nan))


def _flow(present: Pixels, earlier: Pixels, matrix: Matrix) -> Map:
    """Dense flow that starts from a homography, where it leads back to where it began."""
    size = present.shape[:2]
    now = grey(present)
    then = cv2.warpPerspective(grey(earlier), matrix, size[::-1], flags=_INVERSE)
    flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    forth = np.asarray(flow.calc(now, then, np.zeros((*size, 2), np.float32)), np.float32)
    back = np.asarray(flow.calc(then, now, np.zeros((*size, 2), np.float32)), np.float32)
    places = inside(pixels_of(size) + forth, size)
    with np.errstate(invalid='ignore'):
        agree = np.linalg.norm(forth + chained(places, back), axis=-1) < _BACK_PX
    return inside(np.where(agree[..., None], moved(places, matrix), np.float32(np.nan)), size)


def _around(present: Pixels, earlier: Pixels, places: Map) -> NDArray[np.float32]:
    """Mean difference around each pixel, grey levels; infinite where the map is NaN."""
    difference = np.abs(sampled(earlier, places) - present).mean(-1)
    mean = cv2.blur(np.minimum(difference, _MOST_DIFFERENCE).astype(np.float32), _LOOK_PX)
    return np.where(np.isfinite(places[..., 0]), mean, np.float32(np.inf))


class Film:
    """Whole frames of one size, registered to each other. The oldest first."""

    def __init__(self, frames: Sequence[Pixels]) -> None:
        self._frames = frames
        self._features: dict[int, Features] = {}
        self._steps: dict[tuple[int, int], Map] = {}

    def maps(self, present: int, others: Iterable[int]) -> dict[int, Map]:
        """Other frame -> its map from the present one. `others` are the frames next to it, one
        after the other, into the past or into the future."""
        found: dict[int, Map] = {}
        places, nearer = pixels_of(self._frames[present].shape[:2]), present
        for other in others:
            places = chained(places, self._step(nearer, other))
            places = confirmed(self._frames[present], self._frames[other], places)
            found[other], nearer = places, other
        return found

    def _step(self, nearer: int, other: int) -> Map:
        key = nearer, other
        if key not in self._steps:
            both = self._frames[nearer], self._frames[other]
            self._steps[key] = whole(*both, self._of(nearer), self._of(other))
        return self._steps[key]

    def _of(self, number: int) -> Features:
        if number not in self._features:
            self._features[number] = features(self._frames[number])
        return self._features[number]


class Album:
    """Views of one adversary, registered to each other by what it sees of them alone, and by where
    its windows begin in them.

    Views are of one size, the oldest first.
    """

    def __init__(self, views: Sequence[View], arch: Architecture) -> None:
        self._views, self._window_px = views, arch.window_px
        self._begins = [begins(view.shift, arch) for view in views]
        self._fixed = len(set(self._begins)) < 2  # to the image, or nothing moves
        self._features: dict[int, Features] = {}
        self._steps: dict[tuple[int, int], Matrix | None] = {}

    def motion(self, present: int, other: int) -> Matrix | None:
        """The motion between two pictures; None if it cannot be told.

        Of those on which enough features agree, and those that windows tell if they move, it is
        the one under which what both show looks most alike.
        """
        key = present, other
        if key not in self._steps:
            judged = [
                (self._difference(present, other, matrix), most, matrix)
                for matrix, most in self._guesses(present, other)
            ]
            fit = [(found, matrix) for found, most, matrix in judged if found < most]
            self._steps[key] = min(fit, key=lambda pair: pair[0])[1] if fit else None
        return self._steps[key]

    def motions(self, present: int, others: Iterable[int]) -> dict[int, Matrix]:
        """Other picture -> its motion from the present one.

        `others` come in the order in which they are tried. Each is compared with those whose
        motion is known, the nearest in time first, and with the present one. Those that none of
        them can be registered with are left out, and those that contradict what the present one
        shows.
        """
        known = {present: np.eye(3)}
        for other in others:
            near = sorted(known, key=lambda number: abs(number - other))[:_TRIES]
            for nearer in dict.fromkeys([*near, present]):
                step = self.motion(nearer, other)
                if step is not None and self._fits(present, other, step @ known[nearer]):
                    known[other] = step @ known[nearer]
                    break
        del known[present]
        return known

    def _guesses(self, present: int, other: int) -> Iterator[tuple[Matrix, float]]:
        """Motions, and how different what both show may look, grey levels."""
        for matrix in matrices(self._of(present), self._of(other)):
            yield matrix, _ALIKE
        if not self._fixed:
            for matrix in shifts(self._begins[present], self._begins[other], self._window_px):
                yield matrix, _SAME

    def _of(self, number: int) -> Features:
        if number not in self._features:
            view = self._views[number]
            self._features[number] = features(view.pixels, view.seen)
        return self._features[number]

    def _fits(self, present: int, other: int, matrix: Matrix) -> bool:
        """Whether two pictures look alike where both show something, if they do."""
        difference = self._difference(present, other, matrix)
        return difference < _ALIKE or difference == np.inf

    def _difference(self, present: int, other: int, matrix: Matrix) -> float:
        """Mean difference, grey levels, of what both pictures show; infinite if that is little."""
        now, then = self._views[present], self._views[other]
        size = now.seen.shape[1], now.seen.shape[0]
        both = cv2.erode(then.seen.astype(np.uint8), np.ones((3, 3), np.uint8))
        both = cv2.warpPerspective(both, matrix, size, flags=_INVERSE_NEAREST)
        where = (both > 0) & now.seen
        if where.sum() < _OVERLAP_PX:
            return np.inf
        moved_then = cv2.warpPerspective(then.pixels, matrix, size, flags=_INVERSE)
        difference = cv2.absdiff(now.pixels, moved_then)[where].mean(-1)
        return float(np.minimum(difference, _MOST_DIFFERENCE).mean())
