"""Fills what was not seen with the mean colour of what was. The reference of all others."""

from __future__ import annotations

import numpy as np

from pedsam_ros.audit.attack import History, Needs, Picture, Seen
from pedsam_ros.core.types import Pixels

NEEDS = Needs.FRAME


def attack(view: Pixels, seen: Seen, history: History) -> Picture:
    """Makes a picture of one colour around the seen pixels; grey if nothing was seen."""
    return filled(view, seen)


def filled(view: Pixels, seen: Seen) -> Picture:
    """(H, W, 3) float32: the view, with the mean colour where it is not seen."""
    colour = view[seen].mean(0) if seen.any() else np.full(3, 127.5)
    return np.where(seen[..., None], view, colour).astype(np.float32)
