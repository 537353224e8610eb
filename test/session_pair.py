"""An edge and a worker without a network between them, for tests of their sessions."""

from pedsam_ros.core import noise, plain, seal
from pedsam_ros.core.gate import Gate
from pedsam_ros.core.keys import new_private
from pedsam_ros.core.noise import PrivateKey
from pedsam_ros.core.seal import Initiator, Kind, Responder, Sealed
from pedsam_ros.core.sessions import EdgeSessions, WorkerSessions

EDGE, ALICE, STRANGER = new_private(), new_private(), new_private()


class Pair:
    """An edge and alice, and all that ever travelled between them. `now_s` is their clock."""

    def __init__(
        self,
        edge: PrivateKey = EDGE,
        alice: PrivateKey = ALICE,
        pinned: PrivateKey = ALICE,
        insecure: bool = False,
    ) -> None:
        self.now_s = 100.0
        self.travelled: list[Sealed] = []
        pro = seal.prologue('alice')

        def begin() -> Initiator:
            return noise.Initiator(edge, noise.public(pinned), pro)

        gate = Gate(b'') if insecure else Gate.between(edge, noise.public(pinned), pro)
        self.edge = EdgeSessions('alice', plain.PlainInitiator if insecure else begin, gate)
        self.make_alice(alice, insecure, b'first')

    def make_alice(
        self, alice: PrivateKey = ALICE, insecure: bool = False, process: bytes = b'second'
    ) -> None:
        """Another process of the worker."""

        def begin() -> Responder:
            return noise.Responder(alice, seal.prologue('alice'))

        known = b'' if insecure else noise.public(EDGE)
        made = plain.PlainResponder if insecure else begin
        gate = Gate(b'') if insecure else Gate.between(alice, known, seal.prologue('alice'))
        self.alice = WorkerSessions('alice', made, known, process, gate)

    def greet(self) -> bool:
        """One handshake; whether one was due."""
        hello = self.edge.hello(self.now_s)
        if hello is not None:
            answer = self.alice.welcome(hello, self.now_s)
            confirm = self.edge.welcome(answer, self.now_s)
            assert confirm is not None
            self.travelled += [hello, answer, confirm]
            self.alice.open(Kind.WINDOW, confirm, self.now_s)
        return hello is not None

    def ask(self, text: bytes = b'window') -> bytes:
        """The edge sends a window."""
        sealed = self.edge.seal(Kind.WINDOW, text, self.now_s)
        assert sealed is not None
        self.travelled.append(sealed)
        return self.alice.open(Kind.WINDOW, sealed, self.now_s)

    def answer(
        self, kind: Kind = Kind.EMBEDDING, text: bytes = b'embedding'
    ) -> tuple[bytes, bytes]:
        """Alice sends something."""
        sealed = self.alice.seal(kind, text, self.now_s)
        assert sealed is not None
        self.travelled.append(sealed)
        return self.edge.open(kind, sealed, self.now_s)
