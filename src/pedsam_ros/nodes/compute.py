"""The one thread of a node that computes, and the bounded queues in front of it."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar('T')
_MOST_JOBS = 1024  # while so many jobs wait, `post` blocks


class Intake(Generic[T]):
    """A queue of at most `depth` items, in which the oldest makes room for the newest.

    Any thread may call any method.
    """

    def __init__(self, depth: int) -> None:
        self._depth = depth
        self._offered = self._dropped = 0
        self._waiting: deque[T] = deque()
        self._lock = threading.Lock()

    def offer(self, item: T) -> T | None:
        """Adds an item. Returns the oldest one if it had to make room, otherwise None."""
        with self._lock:
            self._offered += 1
            self._waiting.append(item)
            if len(self._waiting) <= self._depth:
                return None
            self._dropped += 1
            return self._waiting.popleft()

    def take(self, most: int = 1) -> list[T]:
        """Removes and returns the oldest items, at most `most` of them."""
        with self._lock:
            return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def counts(self) -> tuple[int, int]:
        """Returns how many items were ever offered, and how many of them had to make room."""
        with self._lock:
            return self._offered, self._dropped

    def __len__(self) -> int:
        """Returns the number of items that wait."""
        return len(self._waiting)


class ComputeThread:
    """A thread that runs the posted jobs, then `step`, and so on until `close`.

    `step` returns after how many seconds it must run again at the latest, or None if it can wait
    for the next job or `wake`. It runs after every batch of jobs, so a flood of jobs cannot keep
    it from running. What a job or `step` raises goes to `on_error`, and the thread goes on.
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
        """Starts the thread. Call it once; jobs may be posted earlier."""
        self._thread.start()

    def wake(self) -> None:
        """Makes `step` run soon. Any thread may call it."""
        with self._changed:
            self._woken = True
            self._changed.notify_all()

    def post(self, job: Callable[[], None]) -> None:
        """Adds a job, which runs on this thread after all that were posted earlier.

        Blocks while too many jobs wait. After `close`, the job is dropped.
        """
        self._add(job)

    def post_once(self, job: Callable[[], None]) -> None:
        """Adds a job like `post`, unless the same one waits already."""
        with self._changed:
            waits = job in self._jobs
        if not waits:
            self._add(job)

    def call(self, job: Callable[[], None]) -> None:
        """Runs a job on this thread and waits until it has ended.

        Raises what the job raises, and RuntimeError if the thread is closed.
        """
        done = threading.Event()
        raised: list[Exception] = []

        def wrapped() -> None:
            try:
                job()
            except Exception as error:
                raised.append(error)
            finally:
                done.set()

        if not self._add(wrapped):
            raise RuntimeError('the computing thread is closed')
        done.wait()
        if raised:
            raise raised[0]

    def close(self) -> None:
        """Ends the thread after the jobs that were posted so far, and waits until it has ended."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _add(self, job: Callable[[], None]) -> bool:
        """Adds a job, perhaps after waiting for room. Returns whether it will run."""
        with self._changed:
            self._changed.wait_for(lambda: self._closing or len(self._jobs) < _MOST_JOBS)
            if not self._closing:
                self._jobs.append(job)
                self._changed.notify_all()
            return not self._closing

    def _run(self) -> None:
        patience: float | None = 0.0
        while not self._closing:
            self._run_jobs(patience)
            patience = self._guarded(self._step)
        self._run_jobs(0.0)

    def _run_jobs(self, patience: float | None) -> None:
        """Runs all waiting jobs. If there are none, waits for one at most `patience` seconds.

        With None it waits without a limit. `wake` and `close` end the waiting.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._woken or self._closing, patience)
            jobs, self._jobs, self._woken = self._jobs, deque(), False
            self._changed.notify_all()
        for job in jobs:
            self._guarded(job)

    def _guarded(self, work: Callable[[], float | None]) -> float | None:
        """Runs a job or `step`. If it raises, reports that and returns 0.1, to go on soon."""
        try:
            return work()
        except Exception as error:
            self._on_error(error)
            return 0.1
