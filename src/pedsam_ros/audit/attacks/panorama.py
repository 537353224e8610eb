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
    views = [*history.earlier, View(view, seen, history.shift)]
    album = Album(views, history.arch)
    last = len(views) - 1
    found = album.motions(last, range(last - 1, -1, -1))
    maps = {number: plane(matrix, seen.shape) for number, matrix in found.items()}
    return rebuilt(views[-1], ((views[number], maps[number]) for number in maps), history)


def gathered(present: View, earlier: Iterable[tuple[View, Map]]) -> View:
    """Fills gaps from earlier views, the first that shows a place before the others."""
    picture, known = present.pixels, present.seen.copy()
    for view, places in earlier:
        new = carried(view.seen, places) & ~known
        found = np.clip(np.rint(sampled(view.pixels, places)), 0, 255).astype(np.uint8)
        picture = np.where(new[..., None], found, picture)
        known |= new
    return View(picture, known, present.shift)


def rebuilt(present: View, earlier: Iterable[tuple[View, Map]], history: History) -> Picture:
    """Gathers what earlier views showed, and fills the rest as `harmonic` does."""
    view = gathered(present, earlier)
    return harmonic.attack(view.pixels, view.seen, history)
