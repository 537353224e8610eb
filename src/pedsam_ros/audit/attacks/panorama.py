"""Lays what earlier views showed over the gaps of the present one, and guesses only the rest.

A worker registers its views by itself, from its windows alone.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from pedsam_ros.audit.attack import History, Needs, Picture, Seen, View
from pedsam_ros.audit.attacks import harmonic
from pedsam_ros.audit.motion import Map, carried, plane, sampled
from pedsam_ros.audit.registration import Album
from pedsam_ros.core.types import Pixels

NEEDS = Needs.EARLIER


def attack(view: Pixels, seen: Seen, history: History) -> Picture:
    """Rebuilds the present view from all earlier ones that can be registered with it."""
    views = [*history.earlier, View(view, seen)]
    album = Album([(each.pixels, each.seen) for each in views])
    last = len(views) - 1
    found = album.motions(last, last)
    maps = {number: plane(matrix, seen.shape) for number, matrix in found.items()}
    return rebuilt(views[-1], ((views[number], maps[number]) for number in maps), history)


def rebuilt(present: View, earlier: Iterable[tuple[View, Map]], history: History) -> Picture:
    """Fills gaps from earlier views, the first that shows a place before the others.

    What none of them shows is filled as `harmonic` does.
    """
    picture, known = present.pixels.astype(np.float32), present.seen.copy()
    for view, places in earlier:
        new = carried(view.seen, places) & ~known
        picture = np.where(new[..., None], sampled(view.pixels, places), picture)
        known |= new
    rounded = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    filled = harmonic.attack(rounded, known, history)
    return np.where(present.seen[..., None], present.pixels, filled).astype(np.float32)
