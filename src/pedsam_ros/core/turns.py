"""How the camera turned between two frames, by a gyroscope.

It is a hint for the registration: see hints.py.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from pedsam_ros.core.planes import Matrix

MOST_SAMPLES = 4096  # 4 s of a gyroscope of 1 kHz
_LONGEST_NS = 3 * 10**9  # between two frames: what drifts for longer is no hint
_GAP_NS = 10**8  # between two samples, and from a frame to the nearest one
_FASTEST = 40.0  # rad/s: a gyroscope's range ends at 35
_PROOFS = 10  # frames in which hints were right before they are used
_OFF_PX, _OFF = (
    4.0,
    0.3,
)  # by which a hint may be wrong: px of the small picture, share of a motion
_LEAST_DEPTH = 0.2  # cosine of how far a ray of the picture may be turned away

Vector = tuple[float, float, float]


class Sample(NamedTuple):
    """What a gyroscope measured."""

    stamp_ns: int
    rate: Vector  # rad/s, about its own axes


class Turns:
    """Adds up angular velocities. `mounting` is the orientation of the gyroscope's axes in the
    camera's optical frame (x right, y down, z forward), a quaternion x, y, z, w of any length but
    0.
    """

    def __init__(self, mounting: Sequence[float] = (0.0, 0.0, 0.0, 1.0)) -> None:
        self._mounting = rotation_of(mounting)
        self._samples: deque[Sample] = deque(maxlen=MOST_SAMPLES)

    def add(self, sample: Sample) -> bool:
        """Notes a sample. Returns False, and forgets it, if it is a little older than the last one
        or no gyroscope can have measured it. After one that is much older all begins anew."""
        newest_ns = self._samples[-1].stamp_ns if self._samples else sample.stamp_ns - 1
        if newest_ns - sample.stamp_ns > _LONGEST_NS:  # the clock was set back
            self._samples.clear()
        elif sample.stamp_ns <= newest_ns:
            return False
        if not (np.abs(sample.rate) <= _FASTEST).all():
            return False
        self._samples.append(sample)
        return True

    def between(self, begin_ns: int, end_ns: int) -> Matrix | None:
        """The rotation, (3, 3), that leads from directions of the camera at the end to those at
        the beginning. None if the samples do not reach from one to the other."""
        if not 0 < end_ns - begin_ns <= _LONGEST_NS:
            return None
        near = [
            each
            for each in self._samples
            if begin_ns - _GAP_NS <= each.stamp_ns <= end_ns + _GAP_NS
        ]
        turned = _added(near, begin_ns, end_ns)
        return None if turned is None else self._mounting @ turned @ self._mounting.T


def seen_turn(rotation: Matrix, camera: Matrix) -> Matrix | None:
    """How a turn moves a picture: from its px to those before the turn. `camera` is the
    calibration's K. None if the two pictures have nothing in common, or K is no calibration."""
    if not np.isfinite(camera).all() or abs(np.linalg.det(camera)) < 1e-9:
        return None
    if rotation[2, 2] < _LEAST_DEPTH:
        return None
    moved = camera @ rotation @ np.linalg.inv(camera)
    return np.asarray(moved / moved[2, 2]) if abs(moved[2, 2]) > 1e-9 else None


def rotation_of(quaternion: Sequence[float]) -> Matrix:
    """(3, 3) of x, y, z, w of any length but 0."""
    x, y, z, w = np.asarray(quaternion, np.float64) / np.linalg.norm(quaternion)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def _added(samples: Sequence[Sample], begin_ns: int, end_ns: int) -> Matrix | None:
    """The turn from one time to another about the gyroscope's axes. None if there is a gap."""
    if not samples:
        return None
    stamps = np.array([each.stamp_ns - begin_ns for each in samples], np.float64)
    length = float(end_ns - begin_ns)
    times = np.array([0.0, *stamps[(stamps > 0) & (stamps < length)], length])
    reached = stamps[0] <= _GAP_NS and stamps[-1] >= length - _GAP_NS
    if not reached or np.diff(times).max() > _GAP_NS:
        return None
    measured = np.array([each.rate for each in samples], np.float64)
    rates = np.stack([np.interp(times, stamps, axis) for axis in measured.T], -1)
    turned = np.eye(3)
    for turn in (rates[1:] + rates[:-1]) / 2 * (np.diff(times) * 1e-9)[:, None]:
        turned = turned @ cv2.Rodrigues(turn)[0]
    return turned
