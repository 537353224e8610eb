"""The one thread of a node that computes, and the bounded queue in front of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar('T')
_MOST_JOBS = 1024  # with so many waiting, `post` waits too


class Intake(Generic[T]):
    """A queue that never holds more than `depth` items: the oldest makes room for the newest. All
    methods are safe from any thread."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._offered = self._dropped = 0
        self._waiting: deque[T] = deque()
        self._lock = threading.Lock()

    def offer(self, item: T) -> T | None:
        """Adds an item. Returns the item that had to make room; None if there was room."""
        with self._lock:
            self._offered += 1
            self._waiting.append(item)
            if len(self._waiting) <= self._depth:
                return None
            self._dropped += 1
            return self._waiting.popleft()

    def take(self, most: int = 1) -> list[T]:
        """Takes the oldest items, at most `most` of them."""
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def counts(self) -> tuple[int, int]:
        """How many items were ever offered, and how many of them had to make room."""
        with self._lock:
            return self._offered, self._dropped

    def __len__(self) -> int:
        """The number of items that wait."""
        return len(self._waiting)


class ComputeThread:
    """Runs posted jobs and then `step`, over and over.

    `step` returns within how many seconds it wants to run again; None means when something comes.
    It runs after every batch of jobs, so a flood of jobs cannot keep it from its work.
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
        """Starts the thread; to be called once. Jobs may be posted before."""
        self._thread.start()

    def wake(self) -> None:
        """Makes `step` run soon."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def post(self, job: Callable[[], None]) -> None:
        """Runs a job on this thread, after those posted before it. Waits while too many jobs do.
        After `close` the job is dropped."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or len(self._jobs) < _MOST_JOBS)
            if not self._closing:
                self._jobs.append(job)
                self._changed.notify_all()

    def call(self, job: Callable[[], None]) -> None:
        """Runs a job on this thread and waits for its end. Raises what the job raises."""
        done = threading.Event()
        raised: list[Exception] = []

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
        """Ends the thread once the jobs posted so far have run."""
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
        """Runs the jobs that wait, or else the first that comes within `patience` seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._woken or self._closing, patience)
            jobs, self._jobs, self._woken = self._jobs, deque(), False
            self._changed.notify_all()
        for job in jobs:
            self._guarded(job)

    def _guarded(self, work: Callable[[], float | None]) -> float | None:
        """Reports whatever a job or step raises; the thread goes on."""
        try:
            return work()
        except Exception as error:
            self._on_error(error)
            return 0.1
