"""Views that the edge remembers, each with what every worker has seen of it and of what is around.

The seen part of a keyframe is wider than its view, by half of it on each side. So a view that has
moved less than that can be looked up in it, and what it shows can be noted there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core import planes
from pedsam_ros.core.coverage import MOST_WORKERS, Bits
from pedsam_ros.core.planes import Matrix, Places, Size
from pedsam_ros.core.recognition import Features
from pedsam_ros.core.types import Pixels

MOST_KEYFRAMES = 48
OWN_SCENE = 2**31  # the number of a keyframe above it: a scene that nothing else is in
_NEAR = 3  # other keyframes from which a new one learns what was seen
_RIM, _WHOLE = np.ones((7, 7), np.uint8), np.ones((11, 11), np.uint8)
_NEAREST = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP


@dataclass(slots=True, eq=False)
class Keyframe:
    """A view of the scene. Lengths are px of the small picture."""

    number: int
    scene: int  # keyframes of one scene have poses that fit each other
    size: Size
    pose: Matrix  # of this view -> of the first view of its scene
    origin: tuple[float, float]  # where cell (0, 0) begins: row and column
    features: Features
    seen: Bits  # (2 h, 2 w) about: see `margin`
    grey: Pixels | None = None  # (h, w); None if it was read from the disk
    used: int = 0  # rises with each use

    @property
    def margin(self) -> tuple[int, int]:
        """How far `seen` reaches over the view: above and below it, left and right of it."""
        return margin(self.size)

    def remembers(self, places: Places) -> NDArray[np.bool_]:
        """(h, w): which of these places lie in what is remembered."""
        top, left = self.margin
        wide = self.size[0] + 2 * top, self.size[1] + 2 * left
        return planes.inside(places + np.array([left, top], np.float32), wide)

    def reaches(self, matrix: Matrix, size: Size) -> bool:
        """Whether the matrix puts all of a view of this size into what is remembered."""
        ends = planes.applied(matrix, planes.corners(size))
        return bool(self.remembers(ends[None]).all())

    def look_up(self, places: Places) -> Bits:
        """What was seen at places of this view, (h, w)."""
        top, left = self.margin
        x, y = places[..., 0] + np.float32(left), places[..., 1] + np.float32(top)
        found = cv2.remap(self.seen, x, y, cv2.INTER_NEAREST, borderValue=0)
        return np.asarray(found, np.uint16)

    def add(self, bits: Bits, places: Places) -> bool:
        """Notes what was shown at places of this view, (h, w); says whether any of it is new."""
        fresh = bits & ~self.look_up(places)
        rows, columns = np.nonzero(fresh)
        if not len(rows):
            return False
        top, left = self.margin
        x = np.rint(places[rows, columns, 0]).astype(np.intp) + left
        y = np.rint(places[rows, columns, 1]).astype(np.intp) + top
        fit = (x >= 0) & (y >= 0) & (x < self.seen.shape[1]) & (y < self.seen.shape[0])
        flat = y[fit] * self.seen.shape[1] + x[fit]
        np.bitwise_or.at(self.seen.reshape(-1), flat, fresh[rows, columns][fit])
        return True

    def overwrite(self, bits: Bits, where: NDArray[np.bool_]) -> None:
        """Notes what was seen of some pixels of the view itself, (h, w) both, in place of what
        was thought before."""
        (top, left), (height, width) = self.margin, self.size
        self.seen[top : top + height, left : left + width][where] = bits[where]

    def learn(self, other: Keyframe, matrix: Matrix) -> bool:
        """Notes what was seen of another keyframe, which `matrix` leads to from this one; says
        whether any of it is new."""
        (top, left), (above, before) = self.margin, other.margin
        whole = planes.shift(before, above) @ matrix @ planes.shift(-left, -top)
        height, width = self.seen.shape
        found = cv2.warpPerspective(other.seen, whole, (width, height), flags=_NEAREST)
        if not _all_in_front(whole, (height, width)):
            found[~_in_front(whole, (height, width))] = 0
        more = np.asarray(found, np.uint16) & ~self.seen
        if not more.any():
            return False
        more = without_rims(more, self.seen)
        self.seen |= more
        return bool(more.any())


class Keyframes:
    """At most 48 keyframes. When one too many comes, the one not used for longest is forgotten."""

    def __init__(self, most: int = MOST_KEYFRAMES) -> None:
        self._most = most
        self._by_number: dict[int, Keyframe] = {}
        self._next = 0
        self._uses = 0
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._by_number)

    def __iter__(self) -> Iterator[Keyframe]:
        """Yields them, the one used last first."""
        return iter(sorted(self._by_number.values(), key=lambda each: -each.used))

    def get(self, number: int) -> Keyframe | None:
        """The keyframe with a number, unless it was forgotten."""
        return self._by_number.get(number)

    def number(self) -> int:
        """A number for a new keyframe."""
        self._next += 1
        return self._next - 1

    def put(self, keyframe: Keyframe) -> None:
        """Remembers a keyframe, in place of one with its number."""
        self._by_number[keyframe.number] = keyframe
        self._next = max(self._next, keyframe.number + 1)
        self.use(keyframe)
        self.limit(self._most)

    def limit(self, most: int) -> None:
        """Keeps no more than so many from now on."""
        self._most = most
        while len(self._by_number) > most:
            oldest = min(self._by_number.values(), key=lambda each: each.used)
            del self._by_number[oldest.number]
            self.forgotten += 1

    def use(self, keyframe: Keyframe) -> None:
        """Notes that a keyframe is of use now."""
        self._uses += 1
        keyframe.used = self._uses

    def near(self, pose: Matrix, scene: int, size: Size) -> list[tuple[Keyframe, Matrix]]:
        """The keyframes of a scene that show most of a view, the nearest first, each with the way
        from the view to it as the poses tell it."""
        found = []
        for each in self._by_number.values():
            if each.scene != scene:
                continue
            matrix = np.linalg.inv(each.pose) @ pose
            matrix = matrix / matrix[2, 2]
            if planes.believable(matrix, size):
                distance = planes.most_moved(matrix, size)
                if distance < max(size):
                    found.append((distance, each.number, matrix))
        return [
            (self._by_number[number], matrix) for _, number, matrix in sorted(found, key=_first)
        ]

    def learn_about(self, keyframe: Keyframe) -> None:
        """Notes in a new keyframe what the nearest ones of its scene know."""
        near = self.near(keyframe.pose, keyframe.scene, keyframe.size)
        for other, matrix in [each for each in near if each[0] is not keyframe][:_NEAR]:
            keyframe.learn(other, matrix)

    def rebase(self, scene: int, way: Matrix) -> None:
        """Changes the poses of a scene; `way` leads from the present ones to those wanted. A
        keyframe whose pose becomes extreme is a scene of its own then: nothing is near it."""
        for each in self._by_number.values():
            if each.scene != scene:
                continue
            pose = way @ each.pose
            each.pose = pose / pose[2, 2]
            if not planes.moderate(each.pose):
                each.scene, each.pose = OWN_SCENE + each.number, np.eye(3)

    def join(self, scene: int, other: int, way: Matrix) -> None:
        """Makes one scene of two; `way` leads from poses of `other` to those of `scene`."""
        for each in self._by_number.values():
            if each.scene == other:
                each.scene, each.pose = scene, way @ each.pose


def margin(size: Size) -> tuple[int, int]:
    """How far what is remembered reaches over a view of this size, px: rows and columns."""
    return size[0] // 2, size[1] // 2


def unseen(size: Size) -> Bits:
    """Of a keyframe of this size nobody has seen anything."""
    top, left = margin(size)
    return np.zeros((size[0] + 2 * top, size[1] + 2 * left), np.uint16)


def without_rims(more: Bits, seen: Bits) -> Bits:
    """What is new, (h, w), without rims along what was seen: two views that learn from each other
    again and again, each time with small errors, would make it grow for ever. A rim is no wider
    than 3 px; a part that is wider somewhere stays as it is."""
    kept = np.zeros_like(more)
    present = int(np.bitwise_or.reduce(more, axis=None))
    for bit in (1 << n for n in range(MOST_WORKERS) if present >> n & 1):
        new = ((more & bit) > 0).astype(np.uint8)
        far = cv2.subtract(new, cv2.dilate(((seen & bit) > 0).astype(np.uint8), _RIM))
        whole = np.asarray(cv2.dilate(far, _WHOLE), np.uint8) & new
        kept |= whole.astype(np.uint16) * np.uint16(bit)
    return kept


def _all_in_front(matrix: Matrix, size: Size) -> bool:
    """Whether the matrix puts a whole picture in front of the other camera."""
    return bool((planes.corners(size) @ matrix[2, :2] + matrix[2, 2] > 0).all())


def _in_front(matrix: Matrix, size: Size) -> NDArray[np.bool_]:
    """(h, w): what the matrix puts in front of the other camera."""
    y, x = np.arange(size[0])[:, None], np.arange(size[1])
    return np.asarray(matrix[2, 0] * x + matrix[2, 1] * y + matrix[2, 2] > 0)


def _first(each: tuple[float, int, Matrix]) -> tuple[float, int]:
    return each[:2]
