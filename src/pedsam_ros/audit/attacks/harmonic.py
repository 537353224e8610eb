"""Makes every unseen pixel the mean of its neighbours, so that colours run smoothly into gaps."""

from __future__ import annotations

import numpy as np

from pedsam_ros.audit import laplace
from pedsam_ros.audit.attack import History, Needs, Picture, Seen
from pedsam_ros.audit.attacks import mean
from pedsam_ros.core.types import Pixels

NEEDS = Needs.FRAME


def attack(view: Pixels, seen: Seen, history: History) -> Picture:
    """Solves Laplace's equation in the gaps; grey if nothing was seen."""
    if not seen.any():
        return mean.filled(view, seen)
    return laplace.fill(view.astype(np.float32), seen)
