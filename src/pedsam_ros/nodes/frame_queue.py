"""The camera images that wait to be read: bounded in number and in bytes, the newest win."""

from __future__ import annotations

import threading
from collections import deque
from typing import NamedTuple, Protocol

from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.types import Frame, FrameKey

_MB = 10**6
_TEXT = 100  # characters that are kept of a frame_id


class Unread(Protocol):
    """A camera image as it came. Whoever takes it reads it."""

    @property
    def key(self) -> FrameKey:
        """The camera's header."""

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""

    def read(self) -> Frame:
        """Makes pixels of it. Raises BadImage if it cannot be read."""


class TooLarge(NamedTuple):
    """Stands for an image that would fill the queue alone. Its bytes are let go."""

    key: FrameKey
    size: int  # bytes
    most: int  # bytes
    nbytes: int = 0

    def read(self) -> Frame:
        """Raises BadImage."""
        raise BadImage(f'image of {self.size / _MB:.1f} MB: queue_mb={self.most // _MB}')


def _refused(image: Unread, most_bytes: int) -> TooLarge:
    key = FrameKey(image.key.stamp_ns, image.key.frame_id[:_TEXT])
    return TooLarge(key, image.nbytes, most_bytes)


class Waiting(NamedTuple):
    """An image, and when it came: s on the edge's steady clock."""

    image: Unread
    arrived_s: float


class Counts(NamedTuple):
    """Numbers of images: those that ever came, those that newer ones displaced, and those that
    wait now. All are of one moment."""

    came: int
    displaced: int
    waiting: int


class FrameQueue:
    """At most `depth` images of `most_bytes` in all. Any thread may call any method."""

    def __init__(self, depth: int, most_bytes: int) -> None:
        self._depth, self._most_bytes = depth, most_bytes
        self._waiting: deque[Waiting] = deque()
        self._bytes = self._came = self._displaced = 0
        self._lock = threading.Lock()

    def offer(self, image: Unread, arrived_s: float, missed: int = 0) -> list[Waiting]:
        """Adds an image; returns those that it displaced, oldest first. `missed` is the number of
        images that came before it and were displaced elsewhere."""
        if image.nbytes > self._most_bytes:
            image = _refused(image, self._most_bytes)
        displaced = []
        with self._lock:
            self._waiting.append(Waiting(image, arrived_s))
            self._bytes += image.nbytes
            while len(self._waiting) > self._depth or self._bytes > self._most_bytes:
                displaced.append(self._pop())
            self._came += 1 + missed
            self._displaced += len(displaced) + missed
        return displaced

    def take(self) -> Waiting | None:
        """Removes and returns the oldest image; None if none waits."""
        with self._lock:
            return self._pop() if self._waiting else None

    def counts(self) -> Counts:
        """Counts the images."""
        with self._lock:
            return Counts(self._came, self._displaced, len(self._waiting))

    def __len__(self) -> int:
        """Returns the number of images that wait."""
        return len(self._waiting)

    def _pop(self) -> Waiting:
        oldest = self._waiting.popleft()
        self._bytes -= oldest.image.nbytes
        return oldest
