"""Noise IK: equal to the published vectors; whatever is not meant for a key does not open."""

import json
from array import array
from functools import partial
from pathlib import Path

import pytest

from pedsam_ros.core.errors import BadSeal
from pedsam_ros.core.noise import (
    HELLO_BYTES,
    LAST_COUNTER,
    MESSAGE_BYTES,
    REPLY_BYTES,
    CipherKey,
    Initiator,
    Responder,
    public,
)
from two_ends import EDGE, OTHER, PROLOGUE, WORKER, ends, key, shaken

VECTORS = json.loads(Path(__file__).with_name('noise_ik_vectors.json').read_text())


@pytest.mark.parametrize('vector', VECTORS, ids=lambda vector: vector['source'].split(',')[0])
def test_it_equals_the_published_vectors(vector):
    """Both handshake messages, the hash, and the messages after it, at both ends."""
    raw = {name: bytes.fromhex(text) for name, text in vector.items() if name.startswith('init')}
    messages = [
        (bytes.fromhex(m['payload']), bytes.fromhex(m['ciphertext'])) for m in vector['messages']
    ]
    edge = Initiator(
        key(vector['init_static']),
        raw['init_remote_static'],
        raw['init_prologue'],
        key(vector['init_ephemeral']),
    )
    worker = Responder(
        key(vector['resp_static']), raw['init_prologue'], key(vector['resp_ephemeral'])
    )
    assert edge.hello(messages[0][0]) == messages[0][1]
    assert worker.read(messages[0][1]) == (messages[0][0], public(key(vector['init_static'])))
    reply, of_worker = worker.reply(messages[1][0])
    assert reply == messages[1][1]
    payload, of_edge = edge.finish(reply)
    assert payload == messages[1][0]
    assert of_edge.hash == of_worker.hash
    assert of_edge.hash.hex() == vector.get('handshake_hash', of_edge.hash.hex())
    pairs = [(of_edge.sending, of_worker.receiving), (of_worker.sending, of_edge.receiving)]
    assert len(messages) > 3
    for number, (payload, box) in enumerate(messages[2:]):
        sending, receiving = pairs[number % 2]
        assert sending.seal(number // 2, b'', payload) == box
        assert receiving.open(number // 2, b'', box) == payload


def test_boxes_open_in_any_order_and_only_as_they_were_sealed():
    """Messages may be lost. The counter and the associated data are part of what is sealed."""
    edge, worker = shaken()
    boxes = {counter: edge.sending.seal(counter, b'to', b'window') for counter in (0, 7, 300)}
    for counter in (300, 0, 7):
        assert worker.receiving.open(counter, b'to', boxes[counter]) == b'window'
    for receiving, counter, associated in (
        (worker.receiving, 1, b'to'),
        (worker.receiving, 0, b'from'),
        (worker.sending, 0, b'to'),  # reflected to its own sender
        (edge.receiving, 0, b'to'),
    ):
        with pytest.raises(BadSeal, match='does not open'):
            receiving.open(counter, associated, boxes[0])


def test_a_box_may_be_as_large_as_a_window():
    """Noise limits its own messages to 65,535 bytes. A window has about 150,000."""
    edge, worker = shaken()
    window = bytes(200_000)
    assert worker.receiving.open(1, b'', edge.sending.seal(1, b'', window)) == window


@pytest.mark.parametrize('kind', [bytes, bytearray, memoryview, partial(array, 'B')])
def test_any_kind_of_bytes_is_sealed_and_opened(kind):
    """Messages of ROS hold arrays, and old versions of cryptography take bytes only."""
    cipher = CipherKey(bytes(32))
    box = cipher.seal(5, kind(b'to'), kind(b'window'))
    assert cipher.open(5, kind(b'to'), kind(box)) == b'window'


def test_counters_end():
    """Noise keeps the last one. None repeats and none is negative."""
    cipher = CipherKey(bytes(32))
    box = cipher.seal(LAST_COUNTER, b'', b'last')
    assert cipher.open(LAST_COUNTER, b'', box) == b'last'
    for counter in (-1, LAST_COUNTER + 1, 2**64, 2**70):
        with pytest.raises(BadSeal, match='counter='):
            cipher.seal(counter, b'', b'')
        with pytest.raises(BadSeal, match='counter='):
            cipher.open(counter, b'', box)


def test_each_session_has_keys_of_its_own():
    """Even with the same static keys and the same words: forward secrecy rests on this."""
    edges = [shaken()[0] for _ in range(2)]
    boxes = [edge.sending.seal(0, b'', b'window') for edge in edges]
    assert edges[0].hash != edges[1].hash
    assert boxes[0] != boxes[1]


def test_the_responder_learns_who_calls():
    """Anybody who knows the worker's public key may call it; so it compares the caller's key."""
    _, worker = ends()
    stranger = Initiator(OTHER, public(WORKER), PROLOGUE)
    assert worker.read(stranger.hello(b'')) == (b'', public(OTHER))


def test_messages_out_of_turn_are_refused():
    """No key seals twice: each step succeeds once, in its order."""
    edge, worker = ends()
    turns = []
    for call in (lambda: edge.finish(bytes(REPLY_BYTES)), lambda: worker.reply(b'')):
        with pytest.raises(BadSeal, match='out of turn'):
            call()
    hello = edge.hello(b'')
    worker.read(hello)
    reply, _ = worker.reply(b'')
    edge.finish(reply)
    turns = [
        lambda: edge.hello(b''),
        lambda: worker.read(hello),
        lambda: worker.reply(b''),
        lambda: edge.finish(reply),
    ]
    for call in turns:
        with pytest.raises(BadSeal, match='out of turn'):
            call()


def test_roles_cannot_be_mixed():
    """Neither end takes a message of its own kind."""
    edge, worker = ends()
    hello = edge.hello(b'')
    with pytest.raises(BadSeal):
        edge.finish(hello)
    worker.read(hello)
    reply, _ = worker.reply(bytes(HELLO_BYTES))
    with pytest.raises(BadSeal):
        Responder(WORKER, PROLOGUE).read(reply)


def test_messages_are_as_long_as_noise_allows_and_no_longer():
    """One byte more is refused before anything is computed, and nothing is lost by it."""
    edge, worker = ends()
    with pytest.raises(BadSeal, match=f'{MESSAGE_BYTES + 1} bytes'):
        edge.hello(bytes(MESSAGE_BYTES - HELLO_BYTES + 1))
    hello = edge.hello(bytes(MESSAGE_BYTES - HELLO_BYTES))
    assert len(hello) == MESSAGE_BYTES
    with pytest.raises(BadSeal, match=f'{MESSAGE_BYTES + 1} bytes'):
        worker.read(hello + b'.')
    worker.read(hello)
    with pytest.raises(BadSeal, match=f'{MESSAGE_BYTES + 1} bytes'):
        worker.reply(bytes(MESSAGE_BYTES - REPLY_BYTES + 1))
    reply, _ = worker.reply(bytes(MESSAGE_BYTES - REPLY_BYTES))
    with pytest.raises(BadSeal, match=f'{MESSAGE_BYTES + 1} bytes'):
        edge.finish(reply + b'.')
    assert len(edge.finish(reply)[0]) == MESSAGE_BYTES - REPLY_BYTES


def test_nothing_shows_a_key():
    """Neither an object's text nor an error's."""
    edge, worker = ends()
    hello = edge.hello(b'')
    worker.read(hello)
    reply, keys = worker.reply(b'')
    shown = ' '.join(map(repr, (EDGE, edge, worker, edge._state, keys, keys.sending)))
    for secret in (b'\x11' * 32, edge._state.chaining, worker._state.chaining):
        assert secret.hex() not in shown
        assert repr(secret)[2:-1] not in shown
    with pytest.raises(BadSeal) as error:
        edge.finish(reply[:-1] + b'.')
    assert str(error.value) == 'box of 16 bytes: does not open'
    assert error.value.__suppress_context__
