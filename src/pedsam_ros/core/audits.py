"""Which window of a frame is computed again on the edge, to find workers that make things up."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

Chance = Callable[[], float]  # a random number, 0 <= x < 1
unforeseeable: Chance = random.SystemRandom().random  # a worker must not guess what is audited


def window_to_audit(answered: Sequence[int], rate: float, chance: Chance) -> int | None:
    """Picks, with the probability `rate`, one of the windows that workers answered for a frame.

    Returns None if this frame is not audited.
    """
    if chance() >= rate or not answered:
        return None
    return answered[int(chance() * len(answered))]
