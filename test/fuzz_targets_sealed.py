"""Targets of `python test/fuzz.py` that read what strangers, or the other end, sealed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from fuzz_cases import of_bytes, of_texts
from fuzz_targets import target

from pedsam_ros.core.errors import BadBatch, BadSeal, ConfigError
from pedsam_ros.core.keys import parse_private, parse_public, private_line, public_text
from pedsam_ros.core.noise import public
from pedsam_ros.core.seal import Kind, Sealed
from pedsam_ros.core.types import Embedding, Window, WorkerStatus
from pedsam_ros.core.wire import padded
from pedsam_ros.core.workers_text import with_key
from pedsam_ros.ros import plaintext
from session_pair import ALICE, EDGE, Pair
from two_ends import ends, shaken

PIXELS = np.zeros((4, 4, 3), np.uint8)
WINDOW = plaintext.window_to_bytes(Window(7, 'a' * 16, 3, PIXELS, 'float16', 2.0))
EMBEDDING = plaintext.embedding_to_bytes(
    Embedding(7, 'a' * 16, 3, (1, 1, 4), 'int8', bytes(8), 0.1)
)
STATUS = plaintext.status_to_bytes(WorkerStatus('a' * 16, 'tiny', 1, 2, 3, 4, 0.5, 'why'))
HELLO = ends()[0].hello(b'')
FILE = 'workers:\n  - {name: alice, domain_id: 1}  # a\n  - name: bob\n    domain_id: 2\n'
TRUE = public_text(public(ALICE))
EVERY = 100  # cases a pair is used for; its sessions must not grow old


class Pairs:
    """A pair that has a session and another handshake under way, new after some cases."""

    def __init__(self) -> None:
        self._used = EVERY
        self.pair = Pair()

    def __call__(self) -> Pair:
        if self._used == EVERY:
            self._used, self.pair = 0, Pair()
            self.pair.greet()
            self.pair.ask()
            self.pair.answer()
            self.pair.now_s += 2.0
            self.pair.edge.hello(self.pair.now_s)
        self._used += 1
        return self.pair


AT_THE_EDGE, AT_THE_WORKER = Pairs(), Pairs()


def _reply() -> bytes:
    edge, worker = ends()
    worker.read(edge.hello(b''))
    return worker.reply(b'process')[0]


@target('noise_hello', of_bytes([HELLO, bytes(96)]), BadSeal)
def _hello(case: bytes) -> None:
    ends()[1].read(case)


@target('noise_reply', of_bytes([_reply(), bytes(48)]), BadSeal)
def _noise_reply(case: bytes) -> None:
    edge, _ = ends()
    edge.hello(b'')
    edge.finish(case)


SHAKEN = shaken()
BOX = SHAKEN[1].sending.seal(0, b'', b'text')


@target('box', of_bytes([BOX]), BadSeal)
def _box(case: bytes) -> None:
    assert SHAKEN[0].receiving.open(0, b'', case) == b'text'


def _sealed(pairs: Pairs) -> Callable[[Any], tuple[Pair, Sealed]]:
    def make(rng: Any) -> tuple[Pair, Sealed]:
        pair = pairs()
        seed = rng.choice(pair.travelled)
        numbers = (seed.session, seed.session, 0, 1, 2**63, 2**64 - 1)
        counters = (seed.counter, seed.counter + 1, 0, 2**63, 2**64 - 1)
        box = of_bytes([bytes(seed.box)])(rng)
        return pair, Sealed(rng.choice(numbers), rng.choice(counters), box)

    return make


@target('sealed_at_the_edge', _sealed(AT_THE_EDGE), BadSeal)
def _edge(case: tuple[Pair, Sealed]) -> None:
    pair, sealed = case
    if sealed.session:
        pair.edge.open(Kind.EMBEDDING, sealed, pair.now_s)
    else:
        pair.edge.welcome(sealed, pair.now_s)


@target('sealed_at_the_worker', _sealed(AT_THE_WORKER), BadSeal)
def _worker(case: tuple[Pair, Sealed]) -> None:
    pair, sealed = case
    if sealed.session:
        pair.alice.open(Kind.WINDOW, sealed, pair.now_s)
    else:
        pair.alice.welcome(sealed, pair.now_s)


@target('plain_window', of_bytes([padded(WINDOW, 400)]), BadBatch)
def _window(case: bytes) -> None:
    plaintext.window_from_bytes(case)


@target('plain_embedding', of_bytes([padded(EMBEDDING, 400)]), BadBatch)
def _embedding(case: bytes) -> None:
    plaintext.embedding_from_bytes(case)


@target('plain_status', of_bytes([padded(STATUS, 400)]), BadBatch)
def _status(case: bytes) -> None:
    plaintext.status_from_bytes(case, '')


@target('public_key', of_texts([TRUE]), ConfigError)
def _public(case: str) -> None:
    assert len(parse_public(case)) == 32


@target('private_key', of_bytes([private_line(EDGE)]), ConfigError)
def _private(case: bytes) -> None:
    parse_private(case)


@target('workers_with_key', of_texts([FILE]), ConfigError)
def _with_key(case: str) -> None:
    assert with_key(case, 'alice', TRUE)[1].key == TRUE
