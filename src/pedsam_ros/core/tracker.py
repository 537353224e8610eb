"""Finds out where the camera looks: which remembered view it sees, and how it moved from there.

A view is registered to one keyframe for as long as the two have enough in common, so errors do
not add up while the camera moves around one place. Then an older keyframe takes over, if one shows
the same, or the view becomes a keyframe. Whatever is found later to show the same place is joined.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from pedsam_ros.core import planes
from pedsam_ros.core.hints import Hints
from pedsam_ros.core.keyframes import Keyframe, Keyframes, unseen
from pedsam_ros.core.planes import Matrix, Size
from pedsam_ros.core.recognition import recognised
from pedsam_ros.core.registration import LEAST_POINTS, Registrar, Registration, edge_points
from pedsam_ros.core.view import Located, View, at_itself, plane

_SEARCHED = 12  # keyframes in one frame, while the camera is lost
_NEAR = 0.3  # of the width: how far corners may lie apart for an older keyframe to be tried
_FAR = 0.1  # of the width: who was found so far away will hardly be followed in the next frame
_CLOSE = 0.06  # of trust: where a hint says must be as good a place as any other
_OVERLAP, _TRUST, _SCALE = 0.65, 0.6, 1.25  # less of them, or more, and another keyframe is needed


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
        self.hints = Hints()
        self._far = False  # whether features were needed for the view before
        self._tried: set[int] = set()  # keyframes, since the camera was lost or all were tried
        self._all_tried = False
        self._to_compare: deque[int] = deque()  # keyframes, with the active one

    @property
    def searched(self) -> bool:
        """Whether every keyframe was tried since the camera was lost."""
        return self._all_tried or all(each.number in self._tried for each in self.keyframes)

    def locate(self, view: View, now_s: float, turn: Matrix | None = None) -> Located | None:
        """Finds a view. `turn` is a hint: how the camera turned since the one before, as it moves
        the picture. Returns None if the camera is lost."""
        self.hints.add(turn, now_s)
        found = None
        if len(view.points) >= LEAST_POINTS:
            found = self._follow(view) or self._search(view)
        if found is None:
            self.lost += 1
            return None
        self._found_again()
        found = self._kept(view, found)
        self._activate(found.keyframe)
        self._begin_at(view, found.registration.matrix)
        self._compare()
        return found

    def begin(self, view: View, scene: int, origin: tuple[float, float]) -> Located:
        """Makes a view the first one of a new scene."""
        self._found_again()
        found = self._new(view, scene, np.eye(3), origin)
        self._begin_at(view, np.eye(3))
        return at_itself(found)

    def remembers(self, located: Located) -> bool:
        """Whether the keyframe of a view has not been forgotten since."""
        return self.keyframes.get(located.keyframe.number) is located.keyframe

    def _follow(self, view: View) -> Located | None:
        """Looks for a view where the camera was last, and then anywhere in the active keyframe."""
        active = self.active
        if active is None or active.grey is None:
            return None
        ways = [self._step, self._recognise]
        for way in reversed(ways) if self._far else ways:
            if found := way(view, active):
                self._far = self._moved(found) > _FAR * view.size[1]
                if self._last is not None and self._last[0] == view.size:
                    self.hints.judge(self._last[1], found.registration.matrix, view.size)
                return found
        return None

    def _step(self, view: View, active: Keyframe) -> Located | None:
        """Looks for a view where a hint says that the camera turned to, then where it was last."""
        guesses = self._guesses(view.size)
        found = [each for guess in guesses if (each := self._register(view, active, guess))]
        if not found:
            return None
        enough = max(each.trust for each in found) - _CLOSE
        return Located(active, next(each for each in found if each.trust >= enough))

    def _guesses(self, size: Size) -> list[Matrix]:
        """Where a view of this size may lie in the active keyframe, the likeliest first."""
        if self._last is None or self._last[0] != size:
            return []
        last, hint = self._last[1], self.hints.place(self._last[1], size)
        return [last] if hint is None or not self.hints.proved else [hint, last]

    def _begin_at(self, view: View, matrix: Matrix) -> None:
        """The next view is looked for from here."""
        self._last = view.size, matrix
        self.hints.begin()

    def _moved(self, found: Located) -> float:
        """How far the view is from where it was looked for first, px: infinite if nowhere."""
        guesses, ends = self._guesses(found.size), planes.corners(found.size)
        if not guesses:
            return float('inf')
        there, here = (planes.applied(m, ends) for m in (guesses[0], found.registration.matrix))
        return float(np.abs(here - there).max())

    def _search(self, view: View) -> Located | None:
        """Looks for a view in a few other keyframes, those used last first."""
        left = [each for each in self.keyframes if each.number not in self._tried]
        if not left:
            self._all_tried, left = True, list(self.keyframes)
            self._tried.clear()
        for each in left[:_SEARCHED]:
            self._tried.add(each.number)
            found = None if each is self.active else self._recognise(view, each)
            if found:
                self.keyframes.learn_about(each)
                self.changed.add(each.number)
                return found
        return None

    def _found_again(self) -> None:
        self.lost, self._all_tried = 0, False
        self._tried.clear()

    def _recognise(self, view: View, keyframe: Keyframe) -> Located | None:
        known = recognised(view.features, keyframe.features, view.size)
        if known is None:
            return None
        if keyframe.grey is None:
            found_plane = plane(known.matrix, view.size, keyframe.size)
            return Located(keyframe, found_plane) if known.sure else None
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
            near = planes.most_moved(guess, view.size) < _NEAR * view.size[1]
            if other is not keyframe and near:
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
        if not planes.moderate(pose):  # after a long way straight on
            self.keyframes.rebase(before.scene, np.asarray(np.linalg.inv(pose), np.float64))
            self.changed |= {each.number for each in self.keyframes}
            pose = np.eye(3)
        keyframe = self._new(view, before.scene, pose, found.origin)
        keyframe.learn(before, found.registration.matrix)
        self.keyframes.learn_about(keyframe)
        keyframe.overwrite(
            before.look_up(places) * found.registration.known, before.remembers(places)
        )
        return at_itself(keyframe)

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
            self.changed.add(keyframe.number)  # its entry tells that it was used

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
            points = edge_points(active.grey)
            found = self._registrar.register(active.grey, points, other.grey, matrix, True)
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
        back = np.asarray(np.linalg.inv(matrix), np.float64)
        for one, two, there in ((active, other, matrix), (other, active, back)):
            if one.learn(two, there):
                self.changed.add(one.number)


def _good(found: Located, view: View) -> bool:
    """Whether a keyframe will do for the next view as well."""
    how = found.registration
    scale = planes.scale(how.matrix, view.size)
    near = how.overlap > _OVERLAP and 1 / _SCALE < scale < _SCALE and how.trust > _TRUST
    known = found.keyframe.grey is not None and found.keyframe.size == view.size
    return near and known and found.keyframe.reaches(how.matrix, view.size)
