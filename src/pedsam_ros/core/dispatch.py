"""Who owes which window, and until when. No I/O; time is an argument (monotonic seconds)."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass, field

from pedsam_ros.core.errors import BadBatch, BadReply


def random_request_id() -> int:
    """64 random bits: the id itself says nothing of frame, camera or robot."""
    return secrets.randbits(64)


@dataclass(frozen=True, slots=True)
class Owed:
    """A window that was asked for and has not come back."""

    serial: int  # of its frame
    window: int
    worker: str  # asked last
    asked_s: float


@dataclass(slots=True)
class _Open:
    """A frame with windows under way."""

    deadline_s: float
    owed: dict[int, Owed] = field(default_factory=dict)
    requests: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Dispatch:
    """The open requests of all frames in flight. A frame is named by the serial `open` gave it.

    A window may be asked for more than once; the first reply settles it.
    """

    deadline_s: float
    new_request_id: Callable[[], int] = random_request_id
    _frames: dict[int, _Open] = field(default_factory=dict)
    _requests: dict[int, Owed] = field(default_factory=dict)
    _opened: int = 0

    def open(self, now_s: float) -> int:
        """Starts a frame; its serial."""
        serial, self._opened = self._opened, self._opened + 1
        self._frames[serial] = _Open(now_s + self.deadline_s)
        return serial

    def ask(self, serial: int, window: int, worker: str, now_s: float) -> int:
        """Notes that a worker is asked for a window of a frame; the request's id."""
        frame, request_id = self._frames[serial], self.new_request_id()
        frame.owed[window] = self._requests[request_id] = Owed(serial, window, worker, now_s)
        frame.requests.append(request_id)
        return request_id

    def check(self, request_id: int, window: int, worker: str) -> None:
        """Raises BadBatch unless this request is open (late and double replies are not), BadReply
        unless it was this worker's and this window's."""
        asked = self._requests.get(request_id)
        if asked is None:
            raise BadBatch(f'request_id={request_id:x}: not open (late, or never asked)')
        if (window, worker) != (asked.window, asked.worker):
            wanted = f'asked was {asked.worker} for {asked.window}'
            raise BadReply(worker, f'answered window={window}: {wanted}')
        if window not in self._frames[asked.serial].owed:
            raise BadBatch(f'request_id={request_id:x}: not open (double)')

    def awaits(self, request_id: int) -> bool:
        """Whether this request is open and its window still owed."""
        asked = self._requests.get(request_id)
        return asked is not None and asked.window in self._frames[asked.serial].owed

    def settle(self, request_id: int) -> int:
        """A checked reply arrived; the frame's serial."""
        asked = self._requests[request_id]
        self.forgive(asked.serial, asked.window)
        return asked.serial

    def forgive(self, serial: int, window: int) -> None:
        """A window is not owed any more."""
        self._frames[serial].owed.pop(window, None)

    def owed(self) -> list[Owed]:
        """All windows under way, oldest frame first."""
        return [one for frame in self._frames.values() for one in frame.owed.values()]

    def complete(self, serial: int) -> bool:
        """Whether a frame has all of its windows."""
        return not self._frames[serial].owed

    def expired(self, now_s: float) -> list[int]:
        """Frames whose deadline has passed with windows still owed, oldest first."""
        return [s for s, f in self._frames.items() if f.owed and now_s >= f.deadline_s]

    def close(self, serial: int) -> None:
        """Forgets a frame; replies still to come for it are no longer open."""
        for request_id in self._frames.pop(serial).requests:
            del self._requests[request_id]

    @property
    def next_deadline_s(self) -> float | None:
        """When `expired` will next have something to say."""
        return min((f.deadline_s for f in self._frames.values() if f.owed), default=None)

    def __len__(self) -> int:
        """Frames in flight."""
        return len(self._frames)
