"""Finds out where the camera looks: which remembered view it sees, and how it has moved from there.

A view is registered to one keyframe for as long as the two have enough in common, so errors do not
add up while the camera moves around one place. Then an older keyframe takes over, if one shows the
same, or the view becomes a keyframe. Whatever is found later to show the same place is joined.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from pedsam_ros.core import planes
from pedsam_ros.core.keyframes import Keyframe, Keyframes, unseen
from pedsam_ros.core.planes import Matrix, Points, Size
from pedsam_ros.core.recognition import Features, features, recognised
from pedsam_ros.core.registration import (
    LEAST_POINTS,
    MOST_SLACK_PX,
    Registrar,
    Registration,
    edge_points,
)
from pedsam_ros.core.types import Pixels

LEAST_FEATURES = 40  # of a view that may become a keyframe without being registered
_SEARCHED = 4  # keyframes in one frame, while the camera is lost
_OVERLAP, _TRUST, _SCALE = 0.65, 0.6, 1.25  # less of them, or more, and another keyframe is needed


class View:
    """A frame as the tracker sees it, (h, w) uint8; features are found when they are needed."""

    def __init__(self, grey: Pixels) -> None:
        self.grey = grey
        self.points: Points = edge_points(grey)
        self.size: Size = grey.shape[0], grey.shape[1]

    @cached_property
    def features(self) -> Features:
        """What of it can be recognised."""
        return features(self.grey)

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
    def origin(self) -> tuple[float, float]:
        """Where cell (0, 0) begins in the view: row and column, px of the small picture."""
        height, width = self.registration.believed.shape
        y, x = np.mgrid[height / 16 : height : height / 8, width / 16 : width : width / 8]
        points = np.stack([x.ravel(), y.ravel()], -1)
        right, down = np.median(planes.applied(self.registration.matrix, points) - points, axis=0)
        return self.keyframe.origin[0] - float(down), self.keyframe.origin[1] - float(right)


class Tracker:
    """Follows the camera through the keyframes. `changed` holds the numbers of those that are no
    longer what they were when it was emptied last."""

    def __init__(self, keyframes: Keyframes) -> None:
        self.keyframes = keyframes
        self.active: Keyframe | None = None
        self.lost = 0  # frames since the camera was lost
        self.changed: set[int] = set()
        self._registrar = Registrar()
        self._last: tuple[Size, Matrix] | None = None  # the view before -> the active keyframe
        self._tried: set[int] = set()  # keyframes, since the camera was lost
        self._to_compare: deque[int] = deque()  # keyframes, with the active one

    @property
    def searched(self) -> bool:
        """Whether every keyframe was tried since the camera was lost."""
        return all(each.number in self._tried for each in self.keyframes)

    def locate(self, view: View) -> Located | None:
        """Finds a view. Returns None if the camera is lost."""
        found = None
        if len(view.points) >= LEAST_POINTS:
            found = self._follow(view) or self._search(view)
        if found is None:
            self.lost += 1
            return None
        self.lost = 0
        self._tried.clear()
        self._compare()
        found = self._kept(view, found)
        self._activate(found.keyframe)
        self._last = view.size, found.registration.matrix
        return found

    def begin(self, view: View, scene: int, origin: tuple[float, float]) -> Located:
        """Makes a view the first one of a new scene."""
        self.lost = 0
        self._tried.clear()
        found = self._new(view, scene, np.eye(3), origin)
        self._last = view.size, np.eye(3)
        return _at_itself(found)

    def _follow(self, view: View) -> Located | None:
        """Looks for a view where the camera was last, and then anywhere in the active keyframe."""
        active = self.active
        if active is None or active.grey is None:
            return None
        if self._last and self._last[0] == view.size:
            found = self._register(view, active, self._last[1])
            if found:
                return Located(active, found)
        return self._recognise(view, active)

    def _search(self, view: View) -> Located | None:
        """Looks for a view in a few other keyframes, those used last first."""
        left = [each for each in self.keyframes if each.number not in self._tried]
        for each in left[:_SEARCHED]:
            self._tried.add(each.number)
            found = None if each is self.active else self._recognise(view, each)
            if found:
                self.keyframes.learn_about(each)
                return found
        return None

    def _recognise(self, view: View, keyframe: Keyframe) -> Located | None:
        known = recognised(view.features, keyframe.features, view.size)
        if known is None:
            return None
        if keyframe.grey is None:
            plane = _plane(known.matrix, view.size, keyframe.size)
            return Located(keyframe, plane) if known.sure else None
        found = self._register(view, keyframe, known.matrix, recognised=True)
        if found is None and known.sure:
            found = self._registrar.placed(view.grey, keyframe.grey, known.matrix)
        return Located(keyframe, found) if found else None

    def _register(
        self, view: View, keyframe: Keyframe, guess: Matrix, recognised: bool = False
    ) -> Registration | None:
        if keyframe.grey is None:
            return None
        return self._registrar.register(view.grey, view.points, keyframe.grey, guess, recognised)

    def _kept(self, view: View, found: Located) -> Located:
        """The same, if its keyframe is good for the next view as well; else from another one."""
        if _good(found, view):
            return found
        keyframe, matrix = found.keyframe, found.registration.matrix
        pose = keyframe.pose @ matrix
        for other, guess in self.keyframes.near(pose, keyframe.scene, view.size)[:2]:
            if other is not keyframe:
                again = self._register(view, other, guess)
                if again and _good(Located(other, again), view):
                    way = matrix @ np.linalg.inv(again.matrix)
                    if other.learn(keyframe, way):
                        self.changed.add(other.number)
                    return Located(other, again)
        return self._renewed(view, found, pose / pose[2, 2])

    def _renewed(self, view: View, found: Located, pose: Matrix) -> Located:
        """Makes a keyframe of a view that was found in another one."""
        before, places = found.keyframe, found.registration.places
        keyframe = self._new(view, before.scene, pose, found.origin)
        keyframe.learn(before, found.registration.matrix)
        self.keyframes.learn_about(keyframe)
        keyframe.overwrite(
            before.look_up(places) * found.registration.known, before.remembers(places)
        )
        return _at_itself(keyframe)

    def _new(self, view: View, scene: int, pose: Matrix, origin: tuple[float, float]) -> Keyframe:
        number, seen = self.keyframes.number(), unseen(view.size)
        keyframe = Keyframe(number, scene, view.size, pose, origin, view.features, seen, view.grey)
        self.keyframes.put(keyframe)
        self.changed.add(number)
        self._activate(keyframe)
        near = {each.number for each, _ in self.keyframes.near(pose, scene, view.size)}
        others = (each.number for each in self.keyframes if each.number not in near)
        self._to_compare = deque(others)
        return keyframe

    def _activate(self, keyframe: Keyframe) -> None:
        if keyframe is not self.active:
            self.active = keyframe
            self.keyframes.use(keyframe)

    def _compare(self) -> None:
        """Compares the active keyframe with one that is not known to show the same place."""
        other = self.keyframes.get(self._to_compare.popleft()) if self._to_compare else None
        active = self.active
        if other is None or active is None or other is active:
            return
        known = recognised(active.features, other.features, active.size)
        if known is None or not known.sure:
            return
        matrix = known.matrix
        if active.grey is not None and other.grey is not None:
            found = self._register(View(active.grey), other, matrix, recognised=True)
            if found is None:
                return
            matrix = found.matrix
        self._join(active, other, matrix)

    def _join(self, active: Keyframe, other: Keyframe, matrix: Matrix) -> None:
        if active.scene != other.scene:
            joined = {each.number for each in self.keyframes if each.scene == active.scene}
            way = other.pose @ matrix @ np.linalg.inv(active.pose)
            self.keyframes.join(other.scene, active.scene, way / way[2, 2])
            self.changed |= joined
        for one, two, way in ((active, other, matrix), (other, active, np.linalg.inv(matrix))):
            if one.learn(two, way):
                self.changed.add(one.number)


def _good(found: Located, view: View) -> bool:
    """Whether a keyframe will do for the next view as well."""
    how = found.registration
    scale = planes.scale(how.matrix, view.size)
    near = how.overlap > _OVERLAP and 1 / _SCALE < scale < _SCALE and how.trust > _TRUST
    known = found.keyframe.grey is not None and found.keyframe.size == view.size
    return near and known and found.keyframe.reaches(how.places)


def _at_itself(keyframe: Keyframe) -> Located:
    """A keyframe's own view, in itself."""
    return Located(keyframe, _plane(np.eye(3), keyframe.size, keyframe.size))


def _plane(matrix: Matrix, size: Size, there: Size) -> Registration:
    """What is known if nothing but the matrix is."""
    places = planes.places(matrix, size)
    common = planes.inside(places, there)
    slack = 1.0 if np.array_equal(matrix, np.eye(3)) else MOST_SLACK_PX / 2
    return Registration(matrix, places, common, float(common.mean()), 1.0, np.ones_like(common), slack)
