"""Where windows go: over the link of their worker, or to this edge's own worker half."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from pedsam_ros.core.edge import Edge
from pedsam_ros.core.in_flight import Assignment
from pedsam_ros.core.metrics import Metrics
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.types import Window
from pedsam_ros.nodes.workers import Link


class Sender:
    """Calls `keep`, which writes the ledger to the disk, before anything is sent. Windows that
    stay here wait for `compute`. `clock` returns monotonic seconds."""

    def __init__(
        self,
        edge: Edge,
        links: Mapping[str, Link],
        keep: Callable[[], None],
        metrics: Metrics,
        clock: Callable[[], float],
    ) -> None:
        self._edge, self._links, self._keep = edge, links, keep
        self._metrics, self._clock = metrics, clock
        self._local: deque[Window] = deque()

    def send(self, assignments: Sequence[Assignment]) -> None:
        """Sends windows. Raises OSError, and sends nothing, if the ledger cannot be written."""
        self._keep()
        up = padding = 0
        for assignment in assignments:
            if assignment.worker == LOCAL:
                self._local.append(assignment.window)
            else:
                sent = self._links[assignment.worker].send(assignment.window)
                up += sent
                padding += max(0, sent - assignment.window.pixels.nbytes)
        if assignments:
            self._metrics.record('bytes_up', up)
            self._metrics.record('bytes_padding', padding)

    @property
    def local(self) -> int:
        """The number of windows that wait to be computed here."""
        return len(self._local)

    def compute(self, for_s: float) -> None:
        """Drops the windows whose frame has ended. Computes the others, oldest first, and hands
        them to Edge like a worker's reply: at least one, and more until `for_s` has passed."""
        self._local = deque(filter(self._edge.awaits, self._local))
        until_s = self._clock() + for_s
        while self._local:
            with self._metrics.timed('local_s'):
                reply = self._edge.model.compute(self._local.popleft())
            self._edge.accept(LOCAL, reply, self._clock())
            if self._clock() >= until_s:
                return
