"""Sessions between the edge and one worker: who speaks to whom, and that nothing is said twice.

The edge begins a handshake, Noise IK, in which each shows that it has the key that the other has
pinned. From then on both have a session. A message is sealed under its session with a counter
that never comes back, and opens only there, once, and in the role it was made for.

    edge                        worker
    hello        ----------->             `EdgeSessions.hello`, again until it is answered
                 <-----------  welcome    `WorkerSessions.welcome`; the session is not used yet
    confirm      ----------->             an empty window; now the worker uses the session
    windows      <---------->  embeddings, heartbeats

A hello that a stranger plays again gives a session that nobody can use, and changes nothing.
Nobody but the edge can send the confirm. core/sessions.py has the two ends. No I/O; time is an
argument (monotonic seconds).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from pedsam_ros.core.errors import BadSeal

PROTOCOL = b'pedsam_ros 1'
REKEY_S, REKEY_BYTES = 120.0, 2**36  # after so much of either, the edge begins a new session
DEAD_S = 180.0  # a session this old is not used any more
_WINDOW = 1024  # counters behind the highest one that may still come


class Kind(IntEnum):
    """What a sealed message is. A message of one kind does not open as another."""

    WINDOW = 1
    EMBEDDING = 2
    STATUS = 3


@dataclass(frozen=True, slots=True)
class Sealed:
    """A message as it travels. One with session 0 is a part of a handshake."""

    session: int
    counter: int
    box: bytes | memoryview = field(repr=False)


class CipherKey(Protocol):
    """One direction of a session: see core/noise.py."""

    def seal(self, counter: int, associated: bytes, plaintext: bytes) -> bytes:
        """Encrypts and authenticates."""

    def open(self, counter: int, associated: bytes, box: bytes | memoryview) -> bytes:
        """Inverse of `seal`. Raises BadSeal."""


class Keys(Protocol):
    """What a handshake gives."""

    @property
    def sending(self) -> CipherKey: ...
    @property
    def receiving(self) -> CipherKey: ...
    @property
    def hash(self) -> bytes: ...


class Initiator(Protocol):
    """The edge's part of one handshake."""

    def hello(self, payload: bytes) -> bytes:
        """The first message."""

    def finish(self, reply: bytes) -> tuple[bytes, Keys]:
        """Takes the second message: its payload, and the keys. Raises BadSeal, after which it
        can be called again."""


class Responder(Protocol):
    """A worker's part of one handshake."""

    def read(self, hello: bytes) -> tuple[bytes, bytes]:
        """Takes the first message: its payload, and the public key of who made it. Raises
        BadSeal."""

    def reply(self, payload: bytes) -> tuple[bytes, Keys]:
        """The second message, and the keys."""


class Budget:
    """So much per second, and at most `most` at once."""

    def __init__(self, per_s: float, most: float) -> None:
        self._per_s, self._most = per_s, most
        self._left, self._at_s = most, float('-inf')

    def spend(self, amount: float, now_s: float) -> None:
        """Takes an amount, perhaps more than is left."""
        self._fill(now_s)
        self._left -= amount

    def left(self, now_s: float) -> bool:
        """Whether anything is left."""
        self._fill(now_s)
        return self._left > 0

    def _fill(self, now_s: float) -> None:
        passed_s = max(0.0, now_s - self._at_s)
        self._left = min(self._most, self._left + passed_s * self._per_s)
        self._at_s = now_s


class Counters:
    """Which counters have come. Those too far behind the highest one count as if they had."""

    def __init__(self) -> None:
        self._highest, self._seen = -1, 0  # bit i of `seen`: the highest minus i has come

    def fresh(self, counter: int) -> bool:
        """Whether a counter may still come."""
        behind = self._highest - counter
        return behind < 0 or (behind < _WINDOW and not self._seen >> behind & 1)

    def note(self, counter: int) -> None:
        """Notes a fresh counter, once its message has opened."""
        ahead = counter - self._highest
        if ahead > 0:
            kept = self._seen << ahead if ahead < _WINDOW else 0
            self._highest, self._seen = counter, (kept | 1) & ((1 << _WINDOW) - 1)
        else:
            self._seen |= 1 << -ahead


class Session:
    """The keys that one handshake gave. `peer` is what the other end said in it about itself."""

    def __init__(self, worker: str, keys: Keys, peer: bytes, now_s: float) -> None:
        self.id = int.from_bytes(keys.hash[:8], 'little') or 1
        self.peer, self.begun_s, self.bytes = peer, now_s, 0
        self._worker, self._keys = worker.encode(), keys
        self._next, self._came = 0, Counters()

    def seal(self, kind: Kind, plaintext: bytes) -> Sealed:
        """Seals a message under the next counter."""
        counter, self._next = self._next, self._next + 1
        self.bytes += len(plaintext)
        box = self._keys.sending.seal(counter, self._associated(kind, counter), plaintext)
        return Sealed(self.id, counter, box)

    def check_fresh(self, sealed: Sealed) -> None:
        """Raises BadSeal if a message with this counter has come, or would come too late."""
        if not self._came.fresh(sealed.counter):
            raise BadSeal(f'counter={sealed.counter}: came before')

    def open(self, kind: Kind, sealed: Sealed) -> bytes:
        """Opens a message that is fresh. Raises BadSeal if it was not sealed here for this."""
        associated = self._associated(kind, sealed.counter)
        plaintext = self._keys.receiving.open(sealed.counter, associated, sealed.box)
        self._came.note(sealed.counter)
        self.bytes += len(plaintext)
        return plaintext

    def dead(self, now_s: float) -> bool:
        """Whether it is too old to be used."""
        return now_s - self.begun_s > DEAD_S

    def worn(self, now_s: float) -> bool:
        """Whether a new one should take its place."""
        return now_s - self.begun_s > REKEY_S or self.bytes > REKEY_BYTES

    def _associated(self, kind: Kind, counter: int) -> bytes:
        numbers = b''.join(n.to_bytes(8, 'little') for n in (kind, self.id, counter))
        return PROTOCOL + numbers + self._worker


def prologue(worker: str) -> bytes:
    """What both ends of a handshake must agree on beforehand."""
    return PROTOCOL + worker.encode()
