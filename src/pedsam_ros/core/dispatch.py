"""Which windows are awaited from whom, and until when. No I/O; time is an argument (monotonic
seconds)."""

from __future__ import annotations

import secrets
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from pedsam_ros.core.errors import BadBatch, BadReply
from pedsam_ros.core.placement import LOCAL

MOST_SENDS = 2  # of one window of a frame
_DECOYS = 1024  # that are remembered


def random_request_id() -> int:
    """Draws 64 random bits, so that the id tells nothing about frame, camera or robot."""
    return secrets.randbits(64)


@dataclass(frozen=True, slots=True)
class Pending:
    """A window that was asked for and has not come back."""

    serial: int  # of its frame
    window: int
    worker: str  # the last one that was asked
    asked_s: float


@dataclass(slots=True)
class _Open:
    """A frame with windows under way."""

    deadline_s: float
    pending: dict[int, Pending] = field(default_factory=dict)  # by window
    requests: list[int] = field(default_factory=list)  # all that were ever made
    sends: Counter[int] = field(default_factory=Counter)  # by window, to workers


@dataclass(slots=True)
class Dispatch:
    """The open requests of all frames in flight. `open` gives each frame the serial that names it
    here.

    A window may be asked for more than once; the first reply settles it.
    """

    deadline_s: float
    new_request_id: Callable[[], int] = random_request_id
    _frames: dict[int, _Open] = field(default_factory=dict, init=False)
    _requests: dict[int, Pending] = field(default_factory=dict, init=False)
    _opened: int = field(default=0, init=False)
    _decoys: OrderedDict[int, str] = field(default_factory=OrderedDict, init=False)

    def open(self, now_s: float) -> int:
        """Starts a frame and its deadline. Returns its serial."""
        serial, self._opened = self._opened, self._opened + 1
        self._frames[serial] = _Open(now_s + self.deadline_s)
        return serial

    def ask(self, serial: int, window: int, worker: str, now_s: float) -> int:
        """Notes that a worker is asked for a window of a frame. Returns the request id."""
        frame, request_id = self._frames[serial], self.new_request_id()
        pending = Pending(serial, window, worker, now_s)
        frame.pending[window] = self._requests[request_id] = pending
        frame.requests.append(request_id)
        frame.sends[window] += worker != LOCAL
        return request_id

    def may_send(self, serial: int, window: int) -> bool:
        """Whether a window of a frame may be sent to a worker once more."""
        return self._frames[serial].sends[window] < MOST_SENDS

    def decoy(self, worker: str) -> int:
        """Makes the request id of a window whose embedding nobody needs."""
        request_id = self.new_request_id()
        self._decoys[request_id] = worker
        if len(self._decoys) > _DECOYS:
            self._decoys.popitem(last=False)
        return request_id

    def answers_decoy(self, request_id: int, worker: str) -> bool:
        """Whether this is a worker's first answer to a decoy."""
        return self._decoys.get(request_id) == worker and bool(self._decoys.pop(request_id))

    def check(self, request_id: int, window: int, worker: str) -> Pending:
        """Returns the request that a reply answers.

        Raises BadBatch unless it is open, which it is not for a late or a double reply; BadReply
        if it was made to another worker or for another window.
        """
        asked = self._requests.get(request_id)
        if asked is None:
            raise BadBatch(f'request_id={request_id:x}: not open (late, or never asked)')
        if (window, worker) != (asked.window, asked.worker):
            wanted = f'asked was {asked.worker} for {asked.window}'
            raise BadReply(worker, f'answered window={window}: {wanted}')
        if window not in self._frames[asked.serial].pending:
            raise BadBatch(f'request_id={request_id:x}: not open (double)')
        return asked

    def awaits(self, request_id: int) -> bool:
        """Whether this request is open and its window still pending."""
        asked = self._requests.get(request_id)
        return asked is not None and asked.window in self._frames[asked.serial].pending

    def settle(self, request_id: int) -> None:
        """Notes that a checked reply arrived."""
        asked = self._requests[request_id]
        self.drop(asked.serial, asked.window)

    def drop(self, serial: int, window: int) -> None:
        """Stops waiting for a window of a frame."""
        self._frames[serial].pending.pop(window, None)

    def pending(self) -> list[Pending]:
        """Lists all windows under way, those of the oldest frame first."""
        return [one for frame in self._frames.values() for one in frame.pending.values()]

    def complete(self, serial: int) -> bool:
        """Whether a frame has all of its windows."""
        return not self._frames[serial].pending

    def expired(self, now_s: float) -> list[int]:
        """Lists the frames whose deadline has passed with windows still pending, oldest first."""
        return [s for s, f in self._frames.items() if f.pending and now_s >= f.deadline_s]

    def close(self, serial: int) -> None:
        """Forgets a frame. Replies that still come for it find no open request."""
        for request_id in self._frames.pop(serial).requests:
            del self._requests[request_id]

    @property
    def next_deadline_s(self) -> float | None:
        """The earliest time at which `expired` will list a frame; None if no frame waits."""
        return min((f.deadline_s for f in self._frames.values() if f.pending), default=None)

    def __len__(self) -> int:
        """The number of frames in flight."""
        return len(self._frames)
