"""How long workers take to answer, by the edge's own clock."""

from __future__ import annotations

import statistics
from collections import defaultdict, deque

from pedsam_ros.core.placement import LOCAL

_KEPT, _FEW = 100, 20  # answers of a worker
_TIMES, _MORE_S = 3.0, 0.1  # a slow worker takes so many times as long, and so much longer


class Pace:
    """The last hundred times from question to answer of each worker, s."""

    def __init__(self) -> None:
        self._took: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_KEPT))

    def note(self, worker: str, took_s: float) -> None:
        """Notes how long one answer took."""
        if worker != LOCAL:
            self._took[worker].append(took_s)

    def usual_s(self, worker: str) -> float | None:
        """The median of a worker's times; None if it has answered too seldom."""
        took = self._took.get(worker, ())
        return statistics.median(took) if len(took) >= _FEW else None

    def others_s(self, worker: str) -> float | None:
        """The median of the other workers' medians if this one is much slower; otherwise None."""
        own = self.usual_s(worker)
        others = [s for w in self._took if w != worker if (s := self.usual_s(w)) is not None]
        if own is None or not others:
            return None
        usual = statistics.median(others)
        return usual if own > max(_TIMES * usual, usual + _MORE_S) else None
