"""What is forged, damaged or meant for another key opens nothing and spoils nothing."""

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pedsam_ros.core.errors import BadSeal
from pedsam_ros.core.noise import REPLY_BYTES, CipherKey, Initiator, Responder, public
from two_ends import EDGE, OTHER, PROLOGUE, WORKER, ends

LOW_ORDER = [  # points of small order: the secret that is shared with them is all zero
    bytes(32),
    (1).to_bytes(32, 'little'),
    (2**255 - 20).to_bytes(32, 'little'),  # p - 1
    (2**255 - 19).to_bytes(32, 'little'),  # p, another way to write 0
    (2**255 - 18).to_bytes(32, 'little'),  # p + 1
    bytes.fromhex('e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800'),
    bytes.fromhex('5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157'),
]


@settings(deadline=None)
@given(where=st.integers(0), bit=st.integers(0, 7), payload=st.binary(max_size=40))
def test_a_flipped_bit_opens_nothing_and_the_true_message_still_counts(where, bit, payload):
    """In the hello, in the reply and in a box."""

    def flipped(message: bytes) -> bytes:
        at = where % len(message)
        return message[:at] + bytes([message[at] ^ 1 << bit]) + message[at + 1 :]

    edge, worker = ends()
    hello = edge.hello(payload)
    with pytest.raises(BadSeal):
        worker.read(flipped(hello))
    assert worker.read(hello) == (payload, public(EDGE))
    reply, of_worker = worker.reply(payload)
    with pytest.raises(BadSeal):
        edge.finish(flipped(reply))
    got, of_edge = edge.finish(reply)
    assert got == payload
    box = of_edge.sending.seal(3, b'to', payload)
    with pytest.raises(BadSeal):
        of_worker.receiving.open(3, b'to', flipped(box))


@settings(deadline=None)
@given(cut=st.integers(1), more=st.binary(min_size=1, max_size=40))
def test_no_length_but_the_true_one_opens(cut, more):
    """Messages that are cut short, down to nothing, and ones that are longer."""
    edge, worker = ends()
    hello = edge.hello(b'payload')
    for wrong in (hello[: -1 - cut % len(hello)], hello + more):
        with pytest.raises(BadSeal):
            worker.read(wrong)
    worker.read(hello)
    reply, of_worker = worker.reply(b'payload')
    for wrong in (reply[: -1 - cut % len(reply)], reply + more):
        with pytest.raises(BadSeal):
            edge.finish(wrong)
    box = edge.finish(reply)[1].sending.seal(0, b'', b'payload')
    for wrong in (box[: -1 - cut % len(box)], box + more):
        with pytest.raises(BadSeal):
            of_worker.receiving.open(0, b'', wrong)


@settings(max_examples=300, deadline=None)
@given(noise=st.binary(max_size=200))
def test_random_bytes_open_nothing(noise):
    """Nothing but BadSeal is raised."""
    edge, worker = ends()
    edge.hello(b'')
    with pytest.raises(BadSeal):
        worker.read(noise)
    with pytest.raises(BadSeal):
        edge.finish(noise)
    with pytest.raises(BadSeal):
        CipherKey(bytes(32)).open(0, b'', noise)


@settings(deadline=None)
@given(prologue=st.binary(max_size=40))
def test_another_prologue_opens_nothing(prologue):
    """It binds the handshake to what both ends must agree on."""
    assume(prologue != PROLOGUE)
    edge, worker = ends(prologue=prologue)
    with pytest.raises(BadSeal):
        worker.read(edge.hello(b''))


def test_a_hello_to_another_key_opens_nothing():
    """Only who has the private key that the edge pinned can read it."""
    edge, worker = ends(remote=OTHER)
    with pytest.raises(BadSeal):
        worker.read(edge.hello(b''))


def test_nobody_answers_in_the_place_of_the_pinned_key():
    """Not even with the hello, and a handshake of its own."""
    edge, worker = ends()
    worker.read(edge.hello(b''))
    impostor = Responder(OTHER, PROLOGUE)
    impostor.read(Initiator(EDGE, public(OTHER), PROLOGUE).hello(b''))
    with pytest.raises(BadSeal):
        edge.finish(impostor.reply(b'')[0])
    assert edge.finish(worker.reply(b'true')[0])[0] == b'true'


def test_a_replayed_hello_gives_its_sender_no_keys():
    """The worker answers, but the reply fits another ephemeral key."""
    edge, first = ends()
    hello = edge.hello(b'')
    first.read(hello)
    edge.finish(first.reply(b'')[0])
    second = Responder(WORKER, PROLOGUE)
    assert second.read(hello) == (b'', public(EDGE))
    reply, _ = second.reply(b'')
    later = Initiator(EDGE, public(WORKER), PROLOGUE)
    later.hello(b'')
    for end in (edge, later):
        with pytest.raises(BadSeal):
            end.finish(reply)


@pytest.mark.parametrize('point', LOW_ORDER, ids=lambda point: point.hex()[:4])
@pytest.mark.parametrize('high_bit', [0, 0x80])
def test_points_of_low_order_are_refused(point, high_bit):
    """As an ephemeral key in each message, and as the pinned key."""
    point = point[:31] + bytes([point[31] | high_bit])
    edge, worker = ends()
    hello = edge.hello(b'')
    for call in (
        lambda: worker.read(point + hello[32:]),
        lambda: edge.finish(point + bytes(REPLY_BYTES - 32)),
        lambda: Initiator(EDGE, point, PROLOGUE).hello(b''),
    ):
        with pytest.raises(BadSeal, match='secret can be shared'):
            call()


@pytest.mark.parametrize('remote', [b'', bytes(31), bytes(33)])
def test_a_pinned_key_of_another_length_is_refused(remote):
    """Not with an error of the library."""
    with pytest.raises(BadSeal):
        Initiator(EDGE, remote, PROLOGUE).hello(b'')
