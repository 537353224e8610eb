"""The edge's end of the sessions with a worker, and the worker's end: see core/seal.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pedsam_ros.core.errors import BadSeal
from pedsam_ros.core.gate import Gate, Way
from pedsam_ros.core.seal import Budget, Initiator, Kind, Responder, Sealed, Session

_SILENT_S = 0.6  # no three heartbeats came: the worker may be another process by now
_AGAIN_S = 0.2  # between two hellos
_PATIENCE_S = 10.0  # a hello that was not answered by then gives way to a new one
_KEPT_S = 10.0  # so long a replaced session still opens what is under way
_MOST_BEGUN = 8  # sessions of a worker that nobody has confirmed
_HELLOS_PER_S, _MOST_HELLOS = 10.0, 20.0  # that are older than others
_BYTES_PER_S, _MOST_BYTES = 50e6, 50e6  # that fail to open: about 3 % of a core
_LEAST_BYTES = 5000  # what each costs besides its own


class _Opener:
    """Opens messages, as long as not too many bytes failed to open lately."""

    def __init__(self) -> None:
        self._budget = Budget(_BYTES_PER_S, _MOST_BYTES)

    def open(self, session: Session | None, kind: Kind, sealed: Sealed, now_s: float) -> bytes:
        """Raises BadSeal."""
        if session is None or session.dead(now_s):
            raise BadSeal(f'session={sealed.session:x}: not known')
        session.check_fresh(sealed)
        if not self._budget.left(now_s):
            raise BadSeal('too much came that did not open')
        try:
            return session.open(kind, sealed)
        except BadSeal:
            self._budget.spend(_LEAST_BYTES + len(sealed.box), now_s)
            raise


@dataclass(slots=True)
class _Hello:
    """A handshake that the edge has begun."""

    initiator: Initiator
    number: int
    message: Sealed
    since_s: float


class EdgeSessions:
    """The edge's end. `begin` makes the initiator of a new handshake."""

    def __init__(self, worker: str, begin: Callable[[], Initiator], gate: Gate) -> None:
        self._worker, self._begin, self._gate, self._opener = worker, begin, gate, _Opener()
        self._session: Session | None = None  # what windows are sealed under
        self._next: Session | None = None  # takes its place as soon as the worker uses it
        self._before: tuple[Session, float] | None = None  # and when it was replaced
        self._hello: _Hello | None = None
        self._number = 0  # of the last hello
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
            self._hello = self._begun(now_s)
        return self._hello.message

    def welcome(self, sealed: Sealed, now_s: float) -> Sealed | None:
        """Takes the answer to a hello. Returns what confirms it; None if it came before.

        Raises BadSeal if it answers no hello that is open.
        """
        number, message = self._gate.open(Way.TO_EDGE, sealed.box)
        if message == self._welcome:
            return None
        if self._hello is None or number != self._hello.number:
            raise BadSeal(f'welcome={number}: nobody asked')
        peer, keys = self._hello.initiator.finish(message)
        self._hello, self._welcome = None, message
        session = Session(self._worker, keys, peer, now_s)
        if self.connected(now_s) and self._session is not None and self._session.peer == peer:
            self._next = session
        else:  # there was no session, or with another process, which has nothing of ours
            self._use(session, now_s)
        self._heard_s = now_s
        return session.seal(Kind.WINDOW, b'')

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
        if session is self._next:
            self._use(session, now_s)
        self._heard_s = now_s
        return plaintext, session.peer

    def _begun(self, now_s: float) -> _Hello:
        self._number = max(self._number + 1, int(now_s * 1e9))
        initiator = self._begin()
        box = self._gate.close(Way.TO_WORKER, self._number, initiator.hello(b''))
        return _Hello(initiator, self._number, Sealed(0, 0, box), now_s)

    def _use(self, session: Session, now_s: float) -> None:
        """Has a session take the place of the one in use."""
        if self._session is not None:
            self._before = self._session, now_s
        self._session, self._next = session, None

    def _of(self, session_id: int, now_s: float) -> Session | None:
        known = [self._session, self._next]
        if self._before is not None and now_s - self._before[1] <= _KEPT_S:
            known.append(self._before[0])
        return next((each for each in known if each is not None and each.id == session_id), None)


@dataclass(slots=True)
class _Begun:
    """A handshake that the worker has answered."""

    number: int
    answer: Sealed
    session: Session


class WorkerSessions:
    """A worker's end. `begin` makes the responder of a new handshake, `edge` is the public key of
    the only edge that it answers, and `process` tells this process from others of the worker."""

    def __init__(
        self,
        worker: str,
        begin: Callable[[], Responder],
        edge: bytes,
        process: bytes,
        gate: Gate,
    ) -> None:
        self._worker, self._begin, self._edge, self._process = worker, begin, edge, process
        self._gate, self._opener = gate, _Opener()
        self._old = Budget(_HELLOS_PER_S, _MOST_HELLOS)
        self._newest = -1  # the highest number of a hello
        self._begun: dict[bytes, _Begun] = {}  # by hello
        self._session: Session | None = None
        self._before: Session | None = None

    def connected(self, now_s: float) -> bool:
        """Whether there is an edge that would open what is sealed now."""
        return self._session is not None and not self._session.dead(now_s)

    def welcome(self, sealed: Sealed, now_s: float) -> Sealed:
        """Answers a hello; a hello that came before gets the same answer.

        Raises BadSeal if the edge did not make it, or too many old ones came.
        """
        number, message = self._gate.open(Way.TO_WORKER, sealed.box)
        if message in self._begun:
            return self._begun[message].answer
        if number <= self._newest:  # repeated by a stranger, or the edge's machine has restarted
            if not self._old.left(now_s):
                raise BadSeal('too many old handshakes')
            self._old.spend(1.0, now_s)
        self._newest = max(self._newest, number)
        responder = self._begin()
        _, edge = responder.read(message)
        if edge != self._edge:
            raise BadSeal('a handshake of another edge')
        reply, keys = responder.reply(self._process)
        answer = Sealed(0, 0, self._gate.close(Way.TO_EDGE, number, reply))
        self._begun[message] = _Begun(number, answer, Session(self._worker, keys, b'', now_s))
        if len(self._begun) > _MOST_BEGUN:  # the oldest goes, which strangers can repeat
            del self._begun[min(self._begun, key=lambda each: self._begun[each].number)]
        return answer

    def open(self, kind: Kind, sealed: Sealed, now_s: float) -> bytes:
        """Opens a message. The first one of a new session makes that the session in use.

        Raises BadSeal.
        """
        for session in (self._session, self._before):
            if session is not None and session.id == sealed.session:
                return self._opener.open(session, kind, sealed, now_s)
        begun = (each.session for each in self._begun.values())
        session = next((each for each in begun if each.id == sealed.session), None)
        plaintext = self._opener.open(session, kind, sealed, now_s)
        self._session, self._before = session, self._session
        self._begun.clear()
        return plaintext

    def seal(self, kind: Kind, plaintext: bytes, now_s: float) -> Sealed | None:
        """Seals a message; None without a session."""
        if self._session is None or self._session.dead(now_s):
            return None
        return self._session.seal(kind, plaintext)
