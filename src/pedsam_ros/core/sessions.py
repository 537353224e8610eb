"""The edge's end of the sessions with a worker, and the worker's end: see core/seal.py."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from pedsam_ros.core.errors import BadSeal
from pedsam_ros.core.seal import Budget, Initiator, Kind, Responder, Sealed, Session

_SILENT_S = 1.5  # nothing was heard for so long: the worker may be another process by now
_AGAIN_S = 0.5  # between two hellos
_PATIENCE_S = 10.0  # a hello that was not answered by then gives way to a new one
_KEPT_S = 10.0  # so long a replaced session still opens what is under way
_MOST_BEGUN = 8  # sessions of a worker that nobody has confirmed
_HELLOS_PER_S, _MOST_HELLOS = 100.0, 200.0  # 2 % of a core
_BYTES_PER_S, _MOST_BYTES = 50e6, 50e6  # that fail to open: about 3 % of a core


class _Opener:
    """Opens messages, as long as not too many bytes failed to open lately."""

    def __init__(self) -> None:
        self._budget = Budget(_BYTES_PER_S, _MOST_BYTES)

    def open(self, session: Session | None, kind: Kind, sealed: Sealed, now_s: float) -> bytes:
        """Raises BadSeal."""
        if session is None or session.dead(now_s):
            raise BadSeal(f'session={sealed.session:x}: not known')
        if not self._budget.left(now_s):
            raise BadSeal('too much came that did not open')
        try:
            return session.open(kind, sealed)
        except BadSeal:
            self._budget.spend(len(sealed.box), now_s)
            raise


@dataclass(slots=True)
class _Hello:
    """A handshake that the edge has begun."""

    initiator: Initiator
    message: Sealed
    since_s: float


class EdgeSessions:
    """The edge's end. `begin` makes the initiator of a new handshake."""

    def __init__(self, worker: str, begin: Callable[[], Initiator]) -> None:
        self._worker, self._begin, self._opener = worker, begin, _Opener()
        self._answers = Budget(_HELLOS_PER_S, _MOST_HELLOS)
        self._session: Session | None = None
        self._before: tuple[Session, float] | None = None  # and when it was replaced
        self._hello: _Hello | None = None
        self._welcome: bytes | None = None  # the last that was accepted
        self._heard_s = self._said_s = float('-inf')

    def connected(self, now_s: float) -> bool:
        """Whether the worker can be sent windows, as far as the session is concerned."""
        return self._session is not None and not self._session.dead(now_s)

    def hello(self, now_s: float) -> Sealed | None:
        """The message to send now so that there is a session; None if there is nothing to send."""
        silent = now_s - self._heard_s > _SILENT_S
        if not (silent or self._session is None or self._session.worn(now_s)):
            return None
        if now_s - self._said_s < _AGAIN_S:
            return None
        self._said_s = now_s
        if self._hello is None or now_s - self._hello.since_s > _PATIENCE_S:
            initiator = self._begin()
            self._hello = _Hello(initiator, Sealed(0, 0, initiator.hello(b'')), now_s)
        return self._hello.message

    def welcome(self, sealed: Sealed, now_s: float) -> Sealed | None:
        """Takes the answer to a hello. Returns what confirms it; None if it came before.

        Raises BadSeal if it answers no hello, or too many came.
        """
        box = bytes(sealed.box)
        if box == self._welcome:
            return None
        if self._hello is None:
            raise BadSeal('nothing was asked')
        _spend(self._answers, now_s)
        peer, keys = self._hello.initiator.finish(box)
        if self._session is not None:
            self._before = self._session, now_s
        self._session, self._hello = Session(self._worker, keys, peer, now_s), None
        self._welcome, self._heard_s = box, now_s
        return self._session.seal(Kind.WINDOW, b'')

    def seal(self, kind: Kind, plaintext: bytes, now_s: float) -> Sealed | None:
        """Seals a message; None without a session."""
        if self._session is None or self._session.dead(now_s):
            return None
        return self._session.seal(kind, plaintext)

    def open(self, kind: Kind, sealed: Sealed, now_s: float) -> tuple[bytes, bytes]:
        """Opens a message. Returns it, and what tells the worker's process from others.

        Raises BadSeal.
        """
        session = self._of(sealed.session, now_s)
        plaintext = self._opener.open(session, kind, sealed, now_s)
        assert session is not None  # or it would not have opened
        self._heard_s = now_s
        return plaintext, session.peer

    def _of(self, session_id: int, now_s: float) -> Session | None:
        if self._session is not None and self._session.id == session_id:
            return self._session
        if self._before is not None and now_s - self._before[1] <= _KEPT_S:
            before = self._before[0]
            return before if before.id == session_id else None
        return None


class WorkerSessions:
    """A worker's end. `begin` makes the responder of a new handshake, `edge` is the public key of
    the only edge that it answers, and `process` tells this process from others of the worker."""

    def __init__(
        self, worker: str, begin: Callable[[], Responder], edge: bytes, process: bytes
    ) -> None:
        self._worker, self._begin, self._edge, self._process = worker, begin, edge, process
        self._opener, self._hellos = _Opener(), Budget(_HELLOS_PER_S, _MOST_HELLOS)
        self._begun: OrderedDict[bytes, tuple[Session, Sealed]] = OrderedDict()  # by hello
        self._session: Session | None = None
        self._before: Session | None = None

    def connected(self, now_s: float) -> bool:
        """Whether there is an edge that would open what is sealed now."""
        return self._session is not None and not self._session.dead(now_s)

    def welcome(self, sealed: Sealed, now_s: float) -> Sealed:
        """Answers a hello; a hello that came before gets the same answer.

        Raises BadSeal if the edge did not make it, or too many came.
        """
        box = bytes(sealed.box)
        if box in self._begun:
            return self._begun[box][1]
        _spend(self._hellos, now_s)
        responder = self._begin()
        _, edge = responder.read(box)
        if edge != self._edge:
            raise BadSeal('a handshake of another edge')
        reply, keys = responder.reply(self._process)
        answer = Sealed(0, 0, reply)
        self._begun[box] = Session(self._worker, keys, b'', now_s), answer
        if len(self._begun) > _MOST_BEGUN:
            self._begun.popitem(last=False)
        return answer

    def open(self, kind: Kind, sealed: Sealed, now_s: float) -> bytes:
        """Opens a message. The first one of a new session makes that the session in use.

        Raises BadSeal.
        """
        for session in (self._session, self._before):
            if session is not None and session.id == sealed.session:
                return self._opener.open(session, kind, sealed, now_s)
        begun = next((s for s, _ in self._begun.values() if s.id == sealed.session), None)
        plaintext = self._opener.open(begun, kind, sealed, now_s)
        self._session, self._before = begun, self._session
        self._begun.clear()
        return plaintext

    def seal(self, kind: Kind, plaintext: bytes, now_s: float) -> Sealed | None:
        """Seals a message; None without a session."""
        if self._session is None or self._session.dead(now_s):
            return None
        return self._session.seal(kind, plaintext)


def _spend(handshakes: Budget, now_s: float) -> None:
    """Raises BadSeal if too many handshake messages came lately."""
    if not handshakes.left(now_s):
        raise BadSeal('too many handshakes')
    handshakes.spend(1.0, now_s)
