"""Where windows go: over the link of their worker, or to this edge's own worker half."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence

from pedsam_ros.core.edge import Edge
from pedsam_ros.core.in_flight import Assignment
from pedsam_ros.core.metrics import Metrics
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.types import Window
from pedsam_ros.ros.domain import DomainLink


class Sender:
    """Has `keep` write the ledger down before anything is sent; `local` are windows to be computed
    here."""

    def __init__(
        self,
        edge: Edge,
        links: Mapping[str, DomainLink],
        keep: Callable[[], None],
        metrics: Metrics,
    ) -> None:
        self.keep, self.local = keep, deque[Window]()
        self._edge, self._links, self._metrics = edge, links, metrics

    def send(self, assignments: Sequence[Assignment]) -> None:
        """Raises OSError, and has sent nothing, if the ledger cannot be written."""
        self.keep()
        bytes_up = 0
        for assignment in assignments:
            if assignment.worker == LOCAL:
                self.local.append(assignment.window)
            else:
                self._links[assignment.worker].send(assignment.window)
                bytes_up += assignment.window.pixels.nbytes
        if assignments:
            self._metrics.record('bytes_up', bytes_up)

    def compute(self) -> None:
        """The oldest window that stays here takes the same way as one that does not."""
        window = self.local.popleft()
        if not self._edge.awaits(window):  # its frame has ended meanwhile
            return
        with self._metrics.timed('local_s'):
            reply = self._edge.model.compute(window)
        self._edge.accept(LOCAL, reply, time.monotonic())
