"""Medians and 95th percentiles of recent measurements, such as stage times and bytes."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

_KEPT = 1000  # values of each name


class Metrics:
    """Keeps the last thousand values of each name. `clock` returns the time in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._values: defaultdict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_KEPT))

    def record(self, name: str, value: float) -> None:
        """Adds one value under a name."""
        self._values[name].append(value)

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Records how long the block took, s. Records nothing if the block raises."""
        begun = self._clock()
        yield
        self.record(name, self._clock() - begun)

    def summary(self) -> dict[str, float]:
        """Returns NAME_p50 (median) and NAME_p95 for each name, in the unit that was recorded."""
        return {
            f'{name}_p{percent}': float(np.percentile(values, percent))
            for name, values in self._values.items()
            for percent in (50, 95)
        }
