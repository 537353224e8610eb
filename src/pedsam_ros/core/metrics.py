"""What is measured: medians and 95th percentiles of stage times and bytes, and rates."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import numpy as np

T = TypeVar('T')
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

    def timed_in(self, name: str, making: Generator[None, None, T]) -> Generator[None, None, T]:
        """Does what a generator does. Records how long that took, s, without what its caller does
        between two batches. Records nothing if the generator raises."""
        took_s = 0.0
        while True:
            begun = self._clock()
            try:
                next(making)
            except StopIteration as end:
                self.record(name, took_s + self._clock() - begun)
                result: T = end.value
                return result
            took_s += self._clock() - begun
            yield

    def summary(self) -> dict[str, float]:
        """Returns NAME_p50 (median) and NAME_p95 for each name, in the unit that was recorded."""
        return {
            f'{name}_p{percent}': float(np.percentile(values, percent))
            for name, values in self._values.items()
            for percent in (50, 95)
        }


class Rates:
    """How fast counters grow: the mean over the last `span_s` seconds, as far as they go back."""

    def __init__(self, span_s: float) -> None:
        self._span_s = span_s
        self._seen: deque[tuple[float, dict[str, int]]] = deque()

    def of(self, totals: Mapping[str, int], now_s: float) -> dict[str, float]:
        """Notes what the counters are now. Returns by how much each has grown per second."""
        self._seen.append((now_s, dict(totals)))
        while len(self._seen) > 2 and self._seen[1][0] <= now_s - self._span_s:
            self._seen.popleft()
        then_s, before = self._seen[0]
        passed_s = now_s - then_s
        return {
            name: (total - before.get(name, 0)) / passed_s if passed_s > 0 else 0.0
            for name, total in totals.items()
        }
