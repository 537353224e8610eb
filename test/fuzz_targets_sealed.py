"""Targets of `python test/fuzz.py` that read what strangers, or the other end, sealed."""

from __future__ import annotations

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
GREETED = Pair()
GREETED.greet()


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


def _sealed_case(rng: Any) -> Sealed:
    numbers = (0, 1, 2**63, 2**64 - 1, GREETED.travelled[2].session)
    seeds = [bytes(sealed.box) for sealed in GREETED.travelled]
    return Sealed(rng.choice(numbers), rng.choice(numbers), of_bytes(seeds)(rng))


@target('sealed_at_the_edge', _sealed_case, BadSeal)
def _edge(case: Sealed) -> None:
    if case.session:
        GREETED.edge.open(Kind.EMBEDDING, case, GREETED.now_s)
    else:
        GREETED.edge.welcome(case, GREETED.now_s)
    GREETED.now_s += 0.1


@target('sealed_at_the_worker', _sealed_case, BadSeal)
def _worker(case: Sealed) -> None:
    if case.session:
        GREETED.alice.open(Kind.WINDOW, case, GREETED.now_s)
    else:
        GREETED.alice.welcome(case, GREETED.now_s)
    GREETED.now_s += 0.1


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
