"""Which workers can be used now, and why not. No I/O; time is an argument (monotonic seconds)."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from pedsam_ros.core.types import WorkerStatus


class WorkerState(Enum):
    """Whether a worker can be used, and if not, why."""

    USABLE = 'usable'
    NOT_HEARD_OF = 'not_heard_of'
    NOT_CONNECTED = 'not_connected'
    SILENT = 'silent'
    WRONG_MODEL = 'wrong_model'
    QUARANTINED = 'quarantined'


@dataclass(slots=True)
class Health:
    """What the workers last said of themselves, and which of them are not trusted any more."""

    model_id: str
    timeout_s: float
    distrusted: dict[str, str] = field(default_factory=dict)  # worker -> why
    _heard: dict[str, tuple[WorkerStatus, float]] = field(default_factory=dict)
    _idle_s: dict[str, float] = field(default_factory=dict)
    _new_s: dict[str, float] = field(default_factory=dict)

    def heard(self, worker: str, status: WorkerStatus, now_s: float) -> None:
        """A heartbeat came."""
        seldom = now_s - self._new_s.get(worker, float('-inf')) > self.timeout_s
        if seldom and self.reader(worker) != status.reader:
            self._new_s[worker] = now_s
        self._heard[worker] = (status, now_s)
        if not status.queued:
            self._idle_s[worker] = now_s

    def trouble(self, worker: str, now_s: float) -> str:
        """Why a worker cannot be used now; empty if it can."""
        if reason := self.distrusted.get(worker):
            return f'quarantined: {reason}'
        if worker not in self._heard:
            return 'not heard of'
        status, at_s = self._heard[worker]
        if now_s - at_s > self.timeout_s:
            return 'silent'
        if status.model_id != self.model_id:
            return f'model_id={status.model_id!r:.40}, this edge has {self.model_id}'
        return '' if status.clients else 'not connected yet'

    def status(self, worker: str) -> WorkerStatus | None:
        """What it last said."""
        return self._heard[worker][0] if worker in self._heard else None

    def reader(self, worker: str) -> str:
        """What it last called its reader of windows; empty: nothing."""
        status = self.status(worker)
        return status.reader if status else ''

    def lost_before_s(self, worker: str, retry_s: float) -> float:
        """What it was asked for before this time, and still owes, it does not have: it has been
        idle since for `retry_s`, or it is another process now (believed once in `timeout_s`)."""
        return max(self.idle_s(worker) - retry_s, self._new_s.get(worker, float('-inf')))

    def idle_s(self, worker: str) -> float:
        """When it last said that it has nothing to do; minus infinity: never."""
        return self._idle_s.get(worker, float('-inf'))

    def quarantine(self, worker: str, reason: str) -> None:
        """It is not used again before `release`."""
        self.distrusted.setdefault(worker, reason)

    def release(self, worker: str) -> bool:
        """Whether it was in quarantine."""
        return self.distrusted.pop(worker, None) is not None
