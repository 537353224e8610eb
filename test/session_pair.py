"""An edge and a worker without a network between them, for tests of their sessions."""

from pedsam_ros.core import noise, plain, seal
from pedsam_ros.core.keys import new_private
from pedsam_ros.core.seal import Kind
from pedsam_ros.core.sessions import EdgeSessions, WorkerSessions

EDGE, ALICE, STRANGER = new_private(), new_private(), new_private()


class Pair:
    """An edge and alice, and all that ever travelled between them. `now_s` is their clock."""

    def __init__(self, edge=EDGE, alice=ALICE, pinned=ALICE, insecure=False):
        self.now_s, self.travelled = 100.0, []
        pro = seal.prologue('alice')

        def begin():
            return noise.Initiator(edge, noise.public(pinned), pro)

        self.edge = EdgeSessions('alice', plain.PlainInitiator if insecure else begin)
        self.make_alice(alice, insecure, b'first')

    def make_alice(self, alice=ALICE, insecure=False, process=b'second'):
        """Another process of the worker."""

        def begin():
            return noise.Responder(alice, seal.prologue('alice'))

        known = b'' if insecure else noise.public(EDGE)
        made = plain.PlainResponder if insecure else begin
        self.alice = WorkerSessions('alice', made, known, process)

    def greet(self):
        """One handshake; whether one was due."""
        hello = self.edge.hello(self.now_s)
        if hello is not None:
            answer = self.alice.welcome(hello, self.now_s)
            confirm = self.edge.welcome(answer, self.now_s)
            self.travelled += [hello, answer, confirm]
            self.alice.open(Kind.WINDOW, confirm, self.now_s)
        return hello is not None

    def ask(self, text=b'window'):
        """The edge sends a window."""
        sealed = self.edge.seal(Kind.WINDOW, text, self.now_s)
        self.travelled.append(sealed)
        return self.alice.open(Kind.WINDOW, sealed, self.now_s)

    def answer(self, kind=Kind.EMBEDDING, text=b'embedding'):
        """Alice sends something."""
        sealed = self.alice.seal(kind, text, self.now_s)
        self.travelled.append(sealed)
        return self.edge.open(kind, sealed, self.now_s)
