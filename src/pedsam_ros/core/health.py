"""What the workers last said, and whom the edge trusts. No I/O; time is an argument (monotonic
seconds)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from pedsam_ros.core.types import WorkerStatus

_NEVER = float('-inf')


class WorkerState(Enum):
    """How a worker stands with this edge. `/diagnostics` shows the value under the key `state`."""

    USABLE = 'usable'
    NOT_HEARD_OF = 'not_heard_of'  # it has not sent a heartbeat since activation
    NOT_CONNECTED = 'not_connected'  # somebody is there, but there is no session with the worker
    SILENT = 'silent'  # its last heartbeat is older than `timeout_s`
    WRONG_MODEL = 'wrong_model'  # it runs other weights than this edge
    WRONG_CODEC = 'wrong_codec'  # it runs the same weights, with another codec or none
    QUARANTINED = 'quarantined'  # it sent what no honest worker would send


@dataclass(frozen=True, slots=True)
class Condition:
    """A worker's state, with a detail for people: the ids that differ, or why it is in
    quarantine."""

    state: WorkerState
    detail: str = ''

    @property
    def usable(self) -> bool:
        """Whether windows may be sent to the worker now."""
        return self.state is WorkerState.USABLE


def sentence(condition: Condition) -> str:
    """Says in words what is wrong with a worker; empty if nothing is.

    Only people read the result. Code compares `condition.state`.
    """
    return {
        WorkerState.USABLE: '',
        WorkerState.NOT_HEARD_OF: 'not heard of',
        WorkerState.NOT_CONNECTED: 'not connected yet (do keys differ, or is one end insecure?)',
        WorkerState.SILENT: 'silent',
        WorkerState.WRONG_MODEL: condition.detail,
        WorkerState.WRONG_CODEC: condition.detail,
        WorkerState.QUARANTINED: f'quarantined: {condition.detail}',
    }[condition.state]


def explain(conditions: Mapping[str, Condition]) -> str:
    """Says in words what is wrong with each of some workers."""
    return ', '.join(f'{worker} {sentence(one)}' for worker, one in conditions.items())


@dataclass(slots=True)
class Health:
    """The heartbeats of all workers, and the workers in quarantine.

    `model_id` is the edge's own; `codec_id` is that of the codec that embeddings travel by, empty
    if they travel without. A worker is silent once its last heartbeat is older than
    `timeout_s` seconds. `quarantine_of` maps workers in quarantine to the reason; it may outlive
    this object.
    """

    model_id: str
    timeout_s: float
    quarantine_of: dict[str, str] = field(default_factory=dict)
    codec_id: str = ''
    _heard: dict[str, tuple[WorkerStatus, float]] = field(default_factory=dict, init=False)
    _idle_s: dict[str, float] = field(default_factory=dict, init=False)
    _new_s: dict[str, float] = field(default_factory=dict, init=False)

    def heard(self, worker: str, status: WorkerStatus, now_s: float) -> None:
        """Notes a heartbeat."""
        seldom = now_s - self._new_s.get(worker, _NEVER) > self.timeout_s
        if seldom and self._process(worker) != status.process:
            self._new_s[worker] = now_s
        self._heard[worker] = (status, now_s)
        if not status.queued:
            self._idle_s[worker] = now_s

    def condition(self, worker: str, now_s: float) -> Condition:
        """How a worker stands, as far as its heartbeats tell. Whether this edge's link reaches it
        is for the owner of the link to add."""
        if self.quarantined(worker):
            return Condition(WorkerState.QUARANTINED, self.quarantine_of[worker])
        if worker not in self._heard:
            return Condition(WorkerState.NOT_HEARD_OF)
        status, at_s = self._heard[worker]
        if now_s - at_s > self.timeout_s:
            return Condition(WorkerState.SILENT)
        if status.model_id != self.model_id:
            both = f'model_id={status.model_id!r:.40}, this edge has {self.model_id}'
            return Condition(WorkerState.WRONG_MODEL, both)
        if self.codec_id not in ('', status.codec_id):
            both = f'codec={status.codec_id!r:.40}, this edge has {self.codec_id}'
            return Condition(WorkerState.WRONG_CODEC, both)
        return Condition(WorkerState.USABLE)

    def status(self, worker: str) -> WorkerStatus | None:
        """The worker's last heartbeat; None before the first."""
        return self._heard[worker][0] if worker in self._heard else None

    def lost_before_s(self, worker: str, retry_s: float) -> float:
        """The time before which requests to this worker count as lost, s.

        The worker does not have such a request any more: either it has been idle for `retry_s`
        since, or another process has taken its place. The latter is believed at most once in
        `timeout_s`.
        """
        return max(self.idle_s(worker) - retry_s, self._new_s.get(worker, _NEVER))

    def idle_s(self, worker: str) -> float:
        """When the worker last said that it has nothing to do, s; minus infinity if it never
        did."""
        return self._idle_s.get(worker, _NEVER)

    def quarantined(self, worker: str) -> bool:
        """Whether a worker is in quarantine."""
        return worker in self.quarantine_of

    def quarantine(self, worker: str, reason: str) -> None:
        """Keeps a worker from being used until `release`. The first reason stays."""
        self.quarantine_of.setdefault(worker, reason)

    def release(self, worker: str) -> bool:
        """Ends a quarantine. Returns whether the worker was in one."""
        return self.quarantine_of.pop(worker, None) is not None

    def _process(self, worker: str) -> str:
        status = self.status(worker)
        return status.process if status else ''
