"""What other threads leave for the edge's computing thread.

Frames, replies and heartbeats are bounded: the oldest makes room for the newest. Regions are
never dropped; of too many, one is made that covers them all. `offer`, `protect` and the
methods that begin with `on_` may be called from any thread, all others from the computing thread.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TypeAlias

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import BadReply
from pedsam_ros.core.router import Region, add_region
from pedsam_ros.core.types import Embedding, WorkerStatus
from pedsam_ros.nodes.compute import Intake
from pedsam_ros.nodes.frame_log import FrameLog
from pedsam_ros.nodes.frame_queue import Counts, FrameQueue, Unread, Waiting

Reply: TypeAlias = 'Embedding | BadReply'
_REPLIES = 256  # of one worker, waiting: a few frames' worth
_REPLIES_AT_ONCE = 64


class Inbox:
    """Frames, regions, and what each worker sends. A worker that floods the edge displaces its own
    oldest messages and nobody else's. `clock` returns monotonic seconds."""

    def __init__(
        self,
        workers: Sequence[str],
        config: EdgeConfig,
        arch: Architecture,
        clock: Callable[[], float],
        log: FrameLog,
    ) -> None:
        depth = config.queue_frames if config.every_frame else 1
        self._frames = FrameQueue(depth, config.queue_mb * 10**6)
        self._replies: dict[str, Intake[Reply]] = {w: Intake(_REPLIES) for w in workers}
        self._statuses: dict[str, Intake[tuple[WorkerStatus, float]]] = {
            w: Intake(1) for w in workers
        }
        self._regions: dict[Region, float] = {}
        self._regions_lock = threading.Lock()
        self._most_bytes = 4 * arch.window**2 * (arch.dim + 1)
        self._region_s, self._clock, self._log = config.region_s, clock, log
        self._arrived_s = clock()  # when the last image came
        self._counted = Counts(0, 0, 0)

    def offer(self, image: Unread, age_s: float = 0.0, missed: int = 0) -> None:
        """Leaves a camera image that came `age_s` seconds ago, but after the image before it.
        `missed` images between the two were displaced before anybody took them."""
        now = self._clock()
        self._arrived_s = min(now, max(self._arrived_s, now - age_s))
        self._log('arrived', image.key, bytes=image.nbytes, age_s=now - self._arrived_s)
        for old in self._frames.offer(image, self._arrived_s, missed):
            waited_s = now - old.arrived_s
            self._log('ended', old.image.key, ending='superseded', total_s=waited_s)

    def protect(self, region: Region) -> None:
        """Leaves a region whose windows stay on the edge for `region_s` seconds. It holds at once:
        a frame that is offered afterwards does not overtake it."""
        until_s = self._clock() + self._region_s
        with self._regions_lock:
            add_region(self._regions, region, until_s)

    def on_embedding(self, worker: str, reply: Reply) -> None:
        """Leaves the embedding of one window, or what is wrong with one that cannot be read."""
        if isinstance(reply, Embedding) and len(reply.values) > self._most_bytes:
            reply = replace(reply, values=b'')  # not worth the memory until its turn
        self._replies[worker].offer(reply)

    def on_status(self, worker: str, status: WorkerStatus) -> None:
        """Leaves a worker's heartbeat; the newest counts."""
        self._statuses[worker].offer((status, self._clock()))

    def frame(self) -> Waiting | None:
        """Takes the oldest image; None if no image waits."""
        return self._frames.take()

    def arrivals(self) -> Counts:
        """Counts the images that came and those that were displaced, both since the last call, and
        those that wait now."""
        before, self._counted = self._counted, self._frames.counts()
        came, displaced, waiting = self._counted
        return Counts(came - before.came, displaced - before.displaced, waiting)

    def statuses(self) -> Iterator[tuple[str, WorkerStatus, float]]:
        """Takes each worker's newest heartbeat, with the time at which it came."""
        for worker, waiting in self._statuses.items():
            for status, at_s in waiting.take():
                yield worker, status, at_s

    def some_replies(self) -> Iterator[tuple[str, Reply]]:
        """Takes a bounded number of replies of every worker."""
        for worker, waiting in self._replies.items():
            for reply in waiting.take(_REPLIES_AT_ONCE):
                yield worker, reply

    def regions(self) -> list[tuple[Region, float]]:
        """Takes all regions, each with the time until which it holds."""
        with self._regions_lock:
            taken, self._regions = self._regions, {}
        return list(taken.items())

    def waiting_replies(self, worker: str | None = None) -> int:
        """The number of replies not taken yet, of one worker or of all."""
        chosen = self._replies.values() if worker is None else [self._replies[worker]]
        return sum(map(len, chosen))

    def dropped_replies(self, worker: str) -> int:
        """The number of a worker's replies that had to make room for newer ones."""
        return self._replies[worker].counts()[1]

    @property
    def waiting(self) -> int:
        """The number of images not taken yet."""
        return len(self._frames)
