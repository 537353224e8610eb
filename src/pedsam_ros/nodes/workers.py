"""The workers as the edge's loop knows them: their links, their heartbeats, its trust in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from functools import partial
from typing import Protocol

from pedsam_ros.core import readiness
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.health import Condition, Health, WorkerState
from pedsam_ros.core.seal import Budget
from pedsam_ros.core.types import Window, WorkerStatus

_UNASKED_PER_S, _MOST_UNASKED = 500.0, 3000.0  # answers of one worker; 30 late frames: 390
Heartbeat = tuple[str, WorkerStatus, float]  # worker, what it says, and when it came, s


class Link(Protocol):
    """The way to one worker: a DomainLink or, in tests, a function call."""

    @property
    def foreign(self) -> int:
        """How many messages came that the worker did not make."""

    def send(self, window: Window) -> int:
        """Sends one window; returns at once how many bytes travel."""

    def connected(self) -> bool:
        """Whether the worker gets what is sent now."""

    def reached(self) -> bool:
        """Whether somebody hears what is sent, be it the worker or not."""


class Workers:
    """Tells which workers can be used now, and why the others cannot.

    `heartbeats` hands over what has come since it was last called. It is called before anything is
    told, so that no worker seems silent whose heartbeat waits. `links` may still be filled after
    this object is made. `clock` returns monotonic seconds. `quarantine` outlives this object.
    """

    def __init__(
        self,
        links: Mapping[str, Link],
        heartbeats: Callable[[], Iterable[Heartbeat]],
        config: EdgeConfig,
        model_id: str,
        clock: Callable[[], float],
        quarantine: dict[str, str],
        codec_id: str = '',
    ) -> None:
        self._links, self._heartbeats, self._config = links, heartbeats, config
        self._clock = clock
        self._health = Health(model_id, config.loss.worker_timeout_s, quarantine, codec_id)
        self._active_since_s = clock()
        self._unasked = defaultdict[str, Budget](partial(Budget, _UNASKED_PER_S, _MOST_UNASKED))

    def listen(self) -> None:
        """Takes the heartbeats that have come."""
        for worker, status, at_s in self._heartbeats():
            self._health.heard(worker, status, at_s)

    def status(self, worker: str) -> WorkerStatus | None:
        """A worker's last heartbeat; None before the first."""
        self.listen()
        return self._health.status(worker)

    def conditions(self, chosen: Iterable[str] | None = None) -> dict[str, Condition]:
        """How some workers stand now; all of them by default."""
        self.listen()
        names = self._links if chosen is None else chosen
        return {name: self._condition(name) for name in names}

    def usable(self, free_spares: Set[str]) -> set[str]:
        """Names the workers that may be sent windows now: see core/readiness.py."""
        active_s = self._clock() - self._active_since_s
        return readiness.usable(self.conditions(), free_spares, active_s)

    def lost_before_s(self, worker: str) -> float:
        """The time before which requests to a worker count as lost, s."""
        self.listen()
        return self._health.lost_before_s(worker, self._config.loss.retry_s)

    def flooded_by(self, worker: str) -> bool:
        """Counts an answer that nobody waited for. Returns whether a worker in use has sent far
        more of these than a slow network explains."""
        self._unasked[worker].spend(1.0, self._clock())
        return self.trusted(worker) and not self._unasked[worker].left(self._clock())

    def trusted(self, worker: str) -> bool:
        """Whether a worker is not in quarantine."""
        return not self._health.quarantined(worker)

    def quarantine(self, worker: str, reason: str) -> None:
        """Keeps a worker from being used until `release`."""
        self._health.quarantine(worker, reason)

    def release(self, worker: str) -> bool:
        """Ends a quarantine. Returns whether the worker was in one."""
        return self._health.release(worker)

    def foreign(self, worker: str) -> int:
        """How many messages came in a worker's domain that it did not make."""
        return self._links[worker].foreign

    def _condition(self, worker: str) -> Condition:
        """How a worker stands: as its heartbeats tell, and whether there is a session with it."""
        found, link = self._health.condition(worker, self._clock()), self._links[worker]
        unheard = found.state is WorkerState.NOT_HEARD_OF and link.reached()
        if unheard or (found.usable and not link.connected()):
            return Condition(WorkerState.NOT_CONNECTED)
        return found
