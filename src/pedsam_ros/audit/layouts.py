"""Random views as the product deals them out: what workers, or coalitions of them, see."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.random import Generator

from pedsam_ros.audit.attack import Seen
from pedsam_ros.audit.record import workers
from pedsam_ros.core.architecture import ARCHITECTURES, Architecture
from pedsam_ros.core.placement import place
from pedsam_ros.core.windows import pixel_grid

ARCH = ARCHITECTURES['vit_tiny']  # SAM's grid in small: 5x5 windows, the last ones half as large
COUNTS = range(2, 9)  # workers
_CHANCES = (0.18, 0.24, 0.16, 0.18, 0.08, 0.08, 0.08)  # of each number of workers
_ALONE = 0.7  # share of views that one worker has; the others are those of coalitions
_MOVED = 0.15  # share of views of a grid that does not start at the canvas's corner


def random_seen(rng: Generator, size: tuple[int, int]) -> Seen:
    """(H, W) of `size` px: what some workers see. It has pixels of both kinds.

    The long side is the canvas's, which may be shrunk by a whole number.
    """
    step = ARCH.image_px // max(size)
    while True:
        seen = _whole(rng)[::step, ::step][: size[0], : size[1]]
        if seen.any() and not seen.all():
            return np.ascontiguousarray(seen)


def _whole(rng: Generator) -> Seen:
    """What they see of the whole canvas."""
    count = int(rng.choice(COUNTS, p=_CHANCES))
    together = 1 if rng.random() < _ALONE else int(rng.integers(1, count))
    chosen = [int(each) for each in rng.permutation(count)[:together]]
    seen = _seen_by(count)[chosen].any(0)
    if rng.random() < _MOVED:
        tokens = rng.integers(ARCH.window, size=2)
        seen = np.roll(seen, tokens * ARCH.patch_px, (0, 1))
    return np.asarray(seen, np.bool_)


@cache
def _seen_by(count: int) -> Seen:
    """(count, P, P): what each worker sees of the whole canvas."""
    return np.stack(seen_by(ARCH, count))


def seen_by(arch: Architecture, count: int) -> Sequence[Seen]:
    """(P, P) for each of `count` workers: what it sees of the canvas. Raises ConfigError."""
    grid, entries = pixel_grid(arch), workers(count)
    homes = place(grid, entries)
    seen = {entry.name: np.zeros((grid.extent, grid.extent), np.bool_) for entry in entries}
    for index, home in homes.items():
        seen[home][grid.span(index)] = True
    return list(seen.values())
