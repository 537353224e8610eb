"""Registers a picture to an earlier one: where each of its pixels lay there, and whether that is
to be believed.

A guess says roughly how the camera moved. Dense flow finds the rest, forth and back. The motion on
which most of the picture agrees is that of the scene; what moves against it keeps its own flow. If
too little agrees, nothing is known: a wrong place would show a worker what it must not see.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core import planes
from pedsam_ros.core.likeness import alike, moved_picture, same_texture, sampled
from pedsam_ros.core.planes import Matrix, Places, Points, Size
from pedsam_ros.core.types import Pixels

LONG_PX = 288  # of a picture that is registered
MOST_SLACK_PX = 12.0
_BLOCK_PX = 12  # of each, the strongest edge is a point that is followed
_EDGE = 48  # of a point, Sobel: about 6 grey levels a px
_BACK_PX = 1.5  # where the flow forth and back may end, from where it began
_ALIKE = 24.0  # grey levels: mean difference of what is around a place
_FEW = 1.5  # times smaller: hardly a pixel is left out between those that are mixed
_LIGHT_PX = 12.0  # what changes over more than this is light, not texture
_NEAR_PX = 1.5  # of a point from where the motion of the scene puts it
_OWN_PX = 1.0  # what moves further away than this has a motion of its own
LEAST_POINTS = 24
_LEAST_TILES = 5  # of 4x4, in which points agree
_LEAST_OVERLAP = 0.25  # of the picture
BELIEVED = 0.4  # of the points, at least; unrelated pictures reach 0.13 once in twenty times
BELIEVED_IF_RECOGNISED = 0.1  # the same, where features tell how the camera moved
_LEAST_AGREE = 0.35  # of the points that are believed


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """Where a present picture lies in an earlier one."""

    matrix: Matrix  # of the scene, present -> earlier
    places: Places  # of each pixel; what is not believed moves with the scene
    believed: NDArray[np.bool_]  # (h, w)
    overlap: float  # share of the present picture that the earlier one shows as well
    trust: float  # share of the points in the overlap that are believed
    known: NDArray[np.bool_]  # (h, w): the others look like nothing that was there
    slack_px: float  # how far most places lie from where the matrix puts them, at most


def small_size(height: int, width: int, long_px: int = LONG_PX) -> Size:
    """The size of the picture of a frame of height x width px that is registered."""
    scale = long_px / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))


def small_grey(rgb: Pixels, long_px: int = LONG_PX) -> Pixels:
    """The picture of a frame, (H, W, 3) uint8, that is registered: (h, w) uint8."""
    height, width = small_size(rgb.shape[0], rgb.shape[1], long_px)
    grey = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), np.uint8)
    small = _reduced(grey, width, height)
    light = _light(small, _LIGHT_PX * long_px / LONG_PX)
    return np.asarray(cv2.addWeighted(small, 1.0, light, -1.0, 128.0), np.uint8)


def _reduced(grey: Pixels, width: int, height: int) -> Pixels:
    """A picture in another size. Halves are made first, which is many times faster."""
    while grey.shape[1] >= 2 * width and grey.shape[0] >= 2 * height:
        half = grey.shape[1] // 2, grey.shape[0] // 2
        grey = np.asarray(cv2.resize(grey, half, interpolation=cv2.INTER_AREA), np.uint8)
    few = grey.shape[1] <= _FEW * width and grey.shape[0] <= _FEW * height
    how = cv2.INTER_LINEAR if few else cv2.INTER_AREA
    return np.asarray(cv2.resize(grey, (width, height), interpolation=how), np.uint8)


def _light(grey: Pixels, over_px: float) -> Pixels:
    """What changes over many pixels; a quarter of the size is enough to see it."""
    height, width = grey.shape
    quarter = max(1, width // 4), max(1, height // 4)
    far = cv2.resize(grey, quarter, interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(far, (0, 0), over_px / 4)
    return np.asarray(cv2.resize(smooth, (width, height), interpolation=cv2.INTER_LINEAR))


def edge_points(grey: Pixels) -> Points:
    """The strongest edge of each block that has one, (N, 2)."""
    rows, columns = grey.shape[0] // _BLOCK_PX, grey.shape[1] // _BLOCK_PX
    if not rows * columns:
        return np.zeros((0, 2), np.float32)
    dx, dy = cv2.Sobel(grey, cv2.CV_16S, 1, 0), cv2.Sobel(grey, cv2.CV_16S, 0, 1)
    edge = (np.abs(dx) + np.abs(dy))[: rows * _BLOCK_PX]
    blocks = edge[:, : columns * _BLOCK_PX].reshape(rows, _BLOCK_PX, columns, _BLOCK_PX)
    flat = blocks.transpose(0, 2, 1, 3).reshape(rows * columns, -1)
    best = flat.argmax(1)
    block = np.flatnonzero(flat[np.arange(len(flat)), best] > _EDGE)
    y = block // columns * _BLOCK_PX + best[block] // _BLOCK_PX
    x = block % columns * _BLOCK_PX + best[block] % _BLOCK_PX
    return np.stack([x, y], -1).astype(np.float32)


class Registrar:
    """Registers pictures; it keeps only buffers between two calls."""

    def __init__(self) -> None:
        self._quick = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
        self._careful = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)

    def register(
        self,
        present: Pixels,
        points: Points,
        earlier: Pixels,
        guess: Matrix,
        recognised: bool = False,
    ) -> Registration | None:
        """Registers a picture, (h, w) uint8, with its `edge_points`, to an earlier one, which may
        have another size. `guess` is about the matrix; `recognised` says that features told it.
        Then less needs to be believed, and more care is taken, as the camera may have moved far.
        Returns None if the place is not known."""
        size, there = _size(present), _size(earlier)
        if not planes.believable(guess, size) or len(points) < LEAST_POINTS:
            return None
        guessed = planes.places(guess, size)
        common = planes.inside(guessed, there)
        points = points[_at(common, points)]
        if common.mean() < _LEAST_OVERLAP or len(points) < LEAST_POINTS:
            return None
        then = moved_picture(present, earlier, guessed, common)
        ends, believed = _followed(present, then, self._careful if recognised else self._quick)
        believed &= common  # around the earlier picture there is nothing to compare with
        trusted = points[_at(believed, points)]
        trust = len(trusted) / len(points)
        if trust < (BELIEVED_IF_RECOGNISED if recognised else BELIEVED):
            return None
        rest = _agreed(trusted, ends[_index(trusted)], size)
        if rest is None or not planes.believable(guess @ rest, size):
            return None
        rests = planes.places(rest, size)
        known = believed | same_texture(present, then, rests) | ~planes.inside(rests, size)
        return _result(guess, rest, ends, ends - rests, believed, there, trust, known)

    def placed(self, present: Pixels, earlier: Pixels, matrix: Matrix) -> Registration:
        """What is known of a picture if features tell how the camera moved, and flow nothing."""
        size = _size(present)
        found = planes.places(matrix, size)
        common = planes.inside(found, _size(earlier))
        then = moved_picture(present, earlier, found, common)
        known = same_texture(present, then, planes.grid(size)) | ~common
        nothing = np.zeros_like(common)
        share = float(common.mean())
        return Registration(matrix, found, nothing, share, 0.0, known, MOST_SLACK_PX)


def _followed(
    now: Pixels, then: Pixels, flow: cv2.DISOpticalFlow
) -> tuple[Places, NDArray[np.bool_]]:
    """Where each pixel of `now` lies in `then`, and whether that is believed."""
    empty = np.zeros((*_size(now), 2), np.float32)
    forth = np.asarray(flow.calc(now, then, empty), np.float32)
    back = np.asarray(flow.calc(then, now, np.zeros_like(empty)), np.float32)
    ends = planes.grid(_size(now)) + forth
    returned = forth + sampled(back, ends)
    near = _squared(returned) < _BACK_PX**2
    return np.asarray(ends, np.float32), near & alike(now, then, ends, _ALIKE)


def _result(
    guess: Matrix,
    rest: Matrix,
    ends: Places,
    apart: Places,
    believed: NDArray[np.bool_],
    there: Size,
    trust: float,
    known: NDArray[np.bool_],
) -> Registration:
    """Puts together what was guessed and what was found; `apart` is by how much the flow differs
    from the motion of the scene."""
    matrix, size = guess @ rest, (ends.shape[0], ends.shape[1])
    own = believed & (_squared(apart) > _OWN_PX**2)
    found = planes.places(matrix, size)
    slack = _OWN_PX
    if own.any():
        followed = planes.applied(guess, ends[own])
        far = np.linalg.norm(followed - found[own], axis=-1)
        slack = float(np.quantile(far, max(0.0, 1 - 0.1 * own.size / own.sum())))
        found[own] = followed
    slack = min(max(slack, _OWN_PX), MOST_SLACK_PX)
    common = planes.inside(found, there)
    share = float(common.mean())
    known = known | ~common  # where there is nothing to compare with, its place counts
    return Registration(matrix, found, believed & common, share, trust, known, slack)


def _squared(vectors: Places) -> NDArray[np.float32]:
    """(h, w): the squared lengths of vectors, (h, w, 2)."""
    return np.asarray(vectors[..., 0] ** 2 + vectors[..., 1] ** 2, np.float32)


def _agreed(points: Points, ends: Points, size: Size) -> Matrix | None:
    """The motion of most points, if they are enough and lie all over the picture."""
    if len(points) < LEAST_POINTS:
        return None
    cv2.setRNGSeed(1)  # equal pictures give equal motions
    matrix, chosen = cv2.findHomography(points, ends, cv2.RANSAC, _NEAR_PX, maxIters=300)
    if matrix is None:
        return None
    agree = points[chosen.ravel() > 0]
    if len(agree) < max(LEAST_POINTS, _LEAST_AGREE * len(points)):
        return None
    tiles = (agree // (np.array(size[::-1], np.float32) / 4)).astype(int)
    enough = len(np.unique(tiles[:, 0] * 4 + tiles[:, 1])) >= _LEAST_TILES
    return np.asarray(matrix, np.float64) if enough else None


def _index(points: Points) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    return points[:, 1].astype(np.intp), points[:, 0].astype(np.intp)


def _at(mask: NDArray[np.bool_], points: Points) -> NDArray[np.bool_]:
    return mask[_index(points)]


def _size(picture: Pixels) -> Size:
    return picture.shape[0], picture.shape[1]
