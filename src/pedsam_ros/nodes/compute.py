"""The one thread of a node that computes, and the bounded queues in front of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar('T')
_MOST_JOBS = 1024  # then `post` waits


class Intake(Generic[T]):
    """A queue that never holds more than `depth`: the oldest makes room for the newest."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self.dropped = 0
        self._waiting: deque[T] = deque()
        self._lock = threading.Lock()

    def offer(self, item: T) -> T | None:
        """Adds an item; returns the one that had to go."""
        with self._lock:
            self._waiting.append(item)
            if len(self._waiting) <= self._depth:
                return None
            self.dropped += 1
            return self._waiting.popleft()

    def take(self, most: int = 1) -> list[T]:
        """The oldest items, at most `most`."""
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def __len__(self) -> int:
        return len(self._waiting)


class ComputeThread:
    """Runs posted jobs and then `step`, over and over.

    `step` returns when it wants to run again at the latest: in seconds, or None. It runs after
    every handful of jobs, so that no flood of them can keep it from its work.
    """

    def __init__(
        self, step: Callable[[], float | None], on_error: Callable[[Exception], None]
    ) -> None:
        self._step, self._on_error = step, on_error
        self._jobs: deque[Callable[[], None]] = deque()
        self._woken = self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name='compute', daemon=True)

    def start(self) -> None:
        """To be called once; jobs may be posted before."""
        self._thread.start()

    def wake(self) -> None:
        """Has `step` run soon."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def post(self, job: Callable[[], None]) -> None:
        """Has a job run on this thread, in order; after `close` it is dropped."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or len(self._jobs) < _MOST_JOBS)
            if not self._closing:
                self._jobs.append(job)
                self._changed.notify_all()

    def call(self, job: Callable[[], None]) -> None:
        """Has a job run on this thread and waits for it. Raises what it raises."""
        done, raised = threading.Event(), []

        def wrapped() -> None:
            try:
                job()
            except Exception as error:
                raised.append(error)
            finally:
                done.set()

        self.post(wrapped)
        done.wait()
        if raised:
            raise raised[0]

    def close(self) -> None:
        """Ends the thread after the jobs posted so far."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _run(self) -> None:
        patience: float | None = 0.0
        while not self._closing:
            self._run_jobs(patience)
            patience = self._guarded(self._step)
        self._run_jobs(0.0)

    def _run_jobs(self, patience: float | None) -> None:
        """Those that wait, or the first that comes within `patience` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._woken or self._closing, patience)
            jobs, self._jobs, self._woken = self._jobs, deque(), False
            self._changed.notify_all()
        for job in jobs:
            self._guarded(job)

    def _guarded(self, work: Callable[[], float | None]) -> float | None:
        """Whatever a job or step raises is reported, and does not end the thread."""
        try:
            return work()
        except Exception as error:
            self._on_error(error)
            return 0.1
