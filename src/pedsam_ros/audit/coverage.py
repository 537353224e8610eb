"""How much of the present view each worker has ever seen, now or in earlier frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.audit.attack import Seen
from pedsam_ros.audit.motion import Map, apart, carried
from pedsam_ros.audit.recording import Recording
from pedsam_ros.core.types import Pixels

MOST_WORKERS = 255
Shares = NDArray[np.float64]  # (earlier frames + 1, workers), 0..1


def owners(recording: Recording) -> list[Pixels]:
    """(H, W) uint8 of each frame: which worker was shown a pixel, from 1; 0 if nobody was."""
    found: list[Pixels] = []
    for moment in recording.moments:
        owner = np.zeros(moment.canvas.content, np.uint8)
        for number, worker in enumerate(recording.workers[:MOST_WORKERS], 1):
            owner[moment.view([worker]).seen] = number
        found.append(owner)
    return found


def covered(present: Pixels, earlier: Iterable[tuple[Pixels, Map]], workers: int) -> Shares:
    """Share of the present view that each worker has seen, after 0, 1, 2, ... earlier frames.

    `present` and `earlier` are what `owners` gives, the newest first, with a map that leads from
    the present frame to each.
    """
    seen = np.zeros((workers + 1, present.size), bool)
    everywhere = np.arange(present.size)
    seen[present.ravel(), everywhere] = True
    shares = [seen[1:].mean(1)]
    for owner, places in earlier:
        seen[carried(owner, places).ravel(), everywhere] = True
        shares.append(seen[1:].mean(1))
    return np.array(shares)


def claimed(
    seen: Sequence[tuple[int, Seen]],
    own: Mapping[int, Map],
    true: Mapping[int, Map],
    right_px: float,
) -> tuple[list[float], list[float]]:
    """What one adversary takes for seen of the present view, and what of it is right.

    `seen` are the numbers of frames with what was seen of them, the present one first; `own` and
    `true` lead from the present frame to others. Both results are shares after 0, 1, 2, ...
    earlier frames. A pixel is right if the adversary's own map leads to within `right_px` of
    where the true one does.
    """
    taken, right = seen[0][1].copy(), seen[0][1].copy()
    shares = [(taken.mean(), right.mean())]
    for number, before in seen[1:]:
        if number in own:
            new = carried(before, own[number]) & ~taken  # what is newer stays
            taken |= new
            right |= new & (np.nan_to_num(apart(own[number], true[number]), nan=np.inf) < right_px)
        shares.append((taken.mean(), right.mean()))
    return [float(each) for each, _ in shares], [float(each) for _, each in shares]
