"""Sessions between the edge and a worker: who can say what, and how often."""

from dataclasses import replace

import pytest

from pedsam_ros.core import noise
from pedsam_ros.core.errors import BadSeal
from pedsam_ros.core.gate import Gate
from pedsam_ros.core.seal import DEAD_S, REKEY_S, Counters, Kind
from session_pair import EDGE, STRANGER, Pair


@pytest.mark.parametrize('insecure', [False, True])
def test_after_a_handshake_both_ends_speak(insecure):
    """And the edge knows which process of the worker it hears."""
    pair = Pair(insecure=insecure)
    assert pair.edge.seal(Kind.WINDOW, b'x', pair.now_s) is None
    assert pair.alice.seal(Kind.STATUS, b'x', pair.now_s) is None
    assert pair.greet()
    assert pair.ask() == b'window'
    assert pair.answer() == (b'embedding', b'first')
    assert pair.answer(Kind.STATUS, b'') == (b'', b'first')
    assert pair.edge.connected(pair.now_s)
    assert pair.alice.connected(pair.now_s)


def test_nothing_is_readable_on_the_way():
    """Not the message, and not the name of the process."""
    pair = Pair()
    pair.greet()
    pair.ask(b'a face' * 9)
    pair.answer(text=b'a token' * 9)
    for sealed in pair.travelled:
        for text in (b'a face', b'a token', b'first', noise.public(EDGE)):
            assert text not in bytes(sealed.box)


def test_without_the_workers_key_nobody_answers():
    """A stranger who has the hello cannot take the worker's place."""
    pair = Pair(alice=STRANGER)
    with pytest.raises(BadSeal):
        pair.greet()
    assert not pair.edge.connected(pair.now_s)


def test_a_worker_answers_its_own_edge_only():
    """Whoever else begins a handshake gets nothing, not even an answer. That holds for somebody
    who could pass the gate, too."""
    for gate in (None, Gate(b'known')):
        pair = Pair(edge=STRANGER)
        if gate is not None:
            pair.edge._gate = pair.alice._gate = gate
        with pytest.raises(BadSeal, match='somebody else' if gate is None else 'another edge'):
            pair.greet()
        assert pair.alice.seal(Kind.STATUS, b'x', pair.now_s) is None


@pytest.mark.parametrize('sealed_end', ['edge', 'alice'])
def test_a_plain_end_and_a_sealed_one_refuse_each_other(sealed_end):
    """Neither falls back to plain messages."""
    pair = Pair(insecure=sealed_end == 'alice')
    pair.make_alice(insecure=sealed_end == 'edge')
    with pytest.raises(BadSeal):
        pair.greet()
    assert not pair.edge.connected(pair.now_s)


def test_what_was_sent_before_opens_nowhere_again():
    """Each message ever sent, in every role, at both ends, before and after a new handshake."""
    pair = Pair()
    pair.greet()
    for _ in range(3):
        pair.ask()
        pair.answer()
    pair.now_s += REKEY_S + 1.0
    for _ in range(2):
        for sealed in list(pair.travelled):
            for kind in Kind:
                with pytest.raises(BadSeal):
                    pair.edge.open(kind, sealed, pair.now_s)
                with pytest.raises(BadSeal):
                    pair.alice.open(kind, sealed, pair.now_s)
        pair.greet()


@pytest.mark.parametrize('field', ['session', 'counter', 'box'])
def test_a_changed_message_does_not_open(field):
    """And the true one still does afterwards: a forgery uses up no counter."""
    pair = Pair()
    pair.greet()
    sealed = pair.edge.seal(Kind.WINDOW, b'window', pair.now_s)
    wrong = bytes(sealed.box[:-1]) + bytes([sealed.box[-1] ^ 1])
    changed = {'session': sealed.session ^ 1, 'counter': sealed.counter + 5, 'box': wrong}
    with pytest.raises(BadSeal):
        pair.alice.open(Kind.WINDOW, replace(sealed, **{field: changed[field]}), pair.now_s)
    assert pair.alice.open(Kind.WINDOW, sealed, pair.now_s) == b'window'


def test_a_message_opens_in_its_role_only():
    """An embedding is no heartbeat, and nothing comes back as a window."""
    pair = Pair()
    pair.greet()
    sealed = pair.alice.seal(Kind.EMBEDDING, b'x', pair.now_s)
    with pytest.raises(BadSeal):
        pair.edge.open(Kind.STATUS, sealed, pair.now_s)
    with pytest.raises(BadSeal):
        pair.alice.open(Kind.WINDOW, sealed, pair.now_s)


def test_no_counter_comes_twice():
    """Whatever is sent, in both directions."""
    pair = Pair()
    pair.greet()
    for _ in range(50):
        pair.ask()
        pair.answer(Kind.STATUS)
    sent = [(s.session, s.counter, bytes(s.box)) for s in pair.travelled if s.session]
    by_edge = {(s, c) for s, c, box in sent if len(box) == len(b'window') + 16}
    by_alice = {(s, c) for s, c, box in sent if len(box) == len(b'embedding') + 16}
    assert (len(by_edge), len(by_alice)) == (50, 50)


def test_messages_may_come_out_of_order_and_some_not_at_all():
    """As long as they are not too far behind."""
    seen = Counters()
    for counter in (5, 3, 2000, 1999, 1001, 977):
        assert seen.fresh(counter)
        seen.note(counter)
    for counter in (5, 3, 2000, 1999, 1001, 977, 976, 0):
        assert not seen.fresh(counter)
    assert seen.fresh(1000)


def test_who_steals_the_keys_later_reads_nothing_of_before():
    """With both static keys and all that ever travelled, no recorded window opens."""
    pair = Pair()
    pair.greet()
    pair.ask(b'a face')
    hello, _, _, window = pair.travelled
    thief = Pair()
    thief.alice.welcome(hello, pair.now_s)
    for end in (thief.alice, thief.edge):
        with pytest.raises(BadSeal):
            end.open(Kind.WINDOW, window, pair.now_s)
    for keys in [each.session for each in thief.alice._begun.values()]:
        keys.id = window.session
        with pytest.raises(BadSeal):
            keys.open(Kind.WINDOW, window)


def test_a_session_that_is_too_old_is_dead():
    """Nothing is sealed or opened under it any more."""
    pair = Pair()
    pair.greet()
    sealed = pair.alice.seal(Kind.STATUS, b'x', pair.now_s)
    pair.now_s += DEAD_S + 1.0
    assert pair.edge.seal(Kind.WINDOW, b'x', pair.now_s) is None
    assert pair.alice.seal(Kind.STATUS, b'x', pair.now_s) is None
    assert not pair.edge.connected(pair.now_s)
    with pytest.raises(BadSeal):
        pair.edge.open(Kind.STATUS, sealed, pair.now_s)


def test_a_flood_of_forgeries_costs_a_bounded_amount_of_work():
    """After 50 MB in a second nothing is tried any more; a second later it is."""
    pair = Pair()
    pair.greet()
    true = pair.edge.seal(Kind.WINDOW, b'window', pair.now_s)
    tried = []
    opened = pair.alice._session.open
    pair.alice._session.open = lambda *args: (tried.append(1), opened(*args))[1]
    for _ in range(1000):
        with pytest.raises(BadSeal):
            pair.alice.open(Kind.WINDOW, replace(true, counter=99, box=bytes(10**6)), pair.now_s)
    assert 50 <= len(tried) <= 52
    pair.now_s += 1.1
    assert pair.alice.open(Kind.WINDOW, true, pair.now_s) == b'window'
