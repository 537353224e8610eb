"""What was seen of a view, as the keyframes that show its place remember it.

A view may be older than the last one: then its own keyframe and the active one both hold a part of
what was seen, and both are told what it shows.
"""

from __future__ import annotations

import numpy as np

from pedsam_ros.core import planes
from pedsam_ros.core.coverage import Bits, grown
from pedsam_ros.core.keyframes import Keyframe
from pedsam_ros.core.planes import Matrix, Places
from pedsam_ros.core.view import Located

_NOWHERE = 1e6  # px


def ways(located: Located, active: Keyframe | None) -> list[tuple[Keyframe, Matrix]]:
    """The keyframe of a view and, if another one of its scene is active by now, that one; each
    with the way to it from the keyframe of the view."""
    own = located.keyframe
    found = [(own, np.eye(3))]
    if active is not None and active is not own and active.scene == own.scene:
        found.append((active, np.linalg.inv(active.pose) @ own.pose))
    return found


def seen(located: Located, active: Keyframe | None) -> Bits:
    """What was seen of a view until now, (h, w)."""
    found = np.zeros(located.size, np.uint16)
    for keyframe, way in ways(located, active):
        found |= keyframe.look_up(_places(located, way))
    found[~located.registration.known] = 0
    return grown(found)


def show(located: Located, active: Keyframe | None, bits: Bits) -> None:
    """Notes what a view, (h, w), shows to workers."""
    for keyframe, way in ways(located, active):
        keyframe.add(bits, _places(located, way))


def seen_after(located: Located, active: Keyframe | None, bits: Bits) -> Bits:
    """What would be seen of a view, (h, w), after it had shown this as well."""
    before = [(keyframe, keyframe.seen) for keyframe, _ in ways(located, active)]
    for keyframe, kept in before:
        keyframe.seen = kept.copy()
    show(located, active, bits)
    found = seen(located, active)
    for keyframe, kept in before:
        keyframe.seen = kept
    return found


def _places(located: Located, way: Matrix) -> Places:
    places = located.registration.places
    if np.array_equal(way, np.eye(3)):
        return places
    moved = planes.applied(way, places.reshape(-1, 2)).reshape(places.shape)
    return np.nan_to_num(moved, nan=-_NOWHERE).clip(-_NOWHERE, _NOWHERE)
