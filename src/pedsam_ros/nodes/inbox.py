"""What other threads leave for the edge's computing thread; safe from any of them.

Frames, replies and heartbeats drop their oldest; regions never do, and are taken at least once a
second.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import replace

from pedsam_ros.core.edge import Edge
from pedsam_ros.core.router import Region
from pedsam_ros.core.types import Embedding, Frame, WorkerStatus
from pedsam_ros.nodes.compute import Intake

_REPLIES = 256  # of one worker, waiting: some frames' worth
_REPLIES_AT_ONCE = 64


class Inbox:
    """Frames, and what each worker sends: a flood of one drops its own oldest, and costs no
    other."""

    def __init__(self, workers: Sequence[str], edge: Edge) -> None:
        config, arch = edge.config, edge.model.arch
        depth = config.queue_frames if config.every_frame else 1
        self.frames: Intake[Frame] = Intake(depth)
        self.replies: dict[str, Intake[Embedding]] = {w: Intake(_REPLIES) for w in workers}
        self._statuses: dict[str, Intake[tuple[WorkerStatus, float]]] = {
            w: Intake(1) for w in workers
        }
        self._regions: deque[tuple[Region, float]] = deque()
        self._most_bytes = 4 * arch.window**2 * (arch.dim + 1)
        self._region_s = config.region_s

    def on_embedding(self, worker: str, reply: Embedding) -> None:
        """One window's tokens came back."""
        if len(reply.values) > self._most_bytes:  # not worth the memory until its turn
            reply = replace(reply, values=b'')
        self.replies[worker].offer(reply)

    def on_status(self, worker: str, status: WorkerStatus) -> None:
        """A worker's heartbeat came; the newest counts."""
        self._statuses[worker].offer((status, time.monotonic()))

    def protect(self, region: Region) -> None:
        """For a while, the windows that hold any of a region stay here; at once: a frame offered
        afterwards does not get ahead of it."""
        self._regions.append((region, time.monotonic() + self._region_s))

    def statuses(self) -> Iterator[tuple[str, WorkerStatus, float]]:
        """Takes each worker's newest heartbeat, and when it came."""
        for worker, waiting in self._statuses.items():
            for status, at_s in waiting.take():
                yield worker, status, at_s

    def some_replies(self) -> Iterator[tuple[str, Embedding]]:
        """Takes some of every worker's."""
        for worker, waiting in self.replies.items():
            for reply in waiting.take(_REPLIES_AT_ONCE):
                yield worker, reply

    def regions(self) -> Iterator[tuple[Region, float]]:
        """Takes all regions, and until when each holds."""
        while self._regions:
            yield self._regions.popleft()
