"""How sessions come about and give way to others, whatever strangers say meanwhile."""

from contextlib import suppress

import pytest

from pedsam_ros.core import seal
from pedsam_ros.core.errors import BadSeal
from pedsam_ros.core.gate import Way
from pedsam_ros.core.seal import REKEY_S, Kind, Sealed
from session_pair import Pair


def recorded(count):
    """An edge and alice, and hellos of earlier handshakes that a stranger kept."""
    pair = Pair()
    hellos = []
    for _ in range(count):
        pair.greet()
        hellos.append(pair.travelled[-3])
        pair.now_s += REKEY_S + 1.0
        pair.answer(Kind.STATUS)
    return pair, hellos


def test_replayed_hellos_change_nothing():
    """However many come between a hello and its confirm: the session in use stays in use, the new
    one comes about, and nobody can use those that the replayed ones began."""
    pair, hellos = recorded(12)
    hello = pair.edge.hello(pair.now_s)
    answer = pair.alice.welcome(hello, pair.now_s)
    for old in hellos:
        pair.alice.welcome(old, pair.now_s)
    assert pair.ask() == b'window'
    confirm = pair.edge.welcome(answer, pair.now_s)
    assert pair.alice.open(Kind.WINDOW, confirm, pair.now_s) == b''
    assert pair.answer() == (b'embedding', b'first')
    assert pair.ask() == b'window'


def test_windows_go_on_while_a_new_session_comes_about():
    """They are sealed under the old one until the worker uses the new one: its confirm may be
    lost."""
    pair = Pair()
    pair.greet()
    pair.now_s += REKEY_S + 1.0
    answer = pair.alice.welcome(pair.edge.hello(pair.now_s), pair.now_s)
    confirm = pair.edge.welcome(answer, pair.now_s)
    assert pair.ask() == b'window'
    assert pair.answer() == (b'embedding', b'first')
    pair.alice.open(Kind.WINDOW, confirm, pair.now_s)
    assert pair.ask() == b'window'
    assert pair.answer() == (b'embedding', b'first')
    assert pair.ask() == b'window'
    assert not pair.greet()


def test_junk_does_not_keep_a_handshake_from_passing():
    """What strangers make up is dropped at the gate, at either end, before it costs anything; and
    what they repeat uses up only what is kept for old hellos."""
    pair, hellos = recorded(3)
    pair.make_alice()  # it has seen none of them
    junk = [Sealed(0, 0, bytes(size)) for size in (0, 1, 40, 96, 136, 512, 150_000)]
    hello = pair.edge.hello(pair.now_s + 5.0)
    for _ in range(500):
        for end, sealed in ((pair.alice, junk), (pair.edge, junk)):
            for each in sealed:
                with pytest.raises(BadSeal):
                    end.welcome(each, pair.now_s)
    answer = pair.alice.welcome(hello, pair.now_s)
    for number in range(500):
        again = hellos[number % 3]
        pair.alice._begun.pop(pair.alice._gate.open(Way.TO_WORKER, again.box)[1], None)
        with suppress(BadSeal):
            pair.alice.welcome(again, pair.now_s)
    assert pair.edge.welcome(answer, pair.now_s) is not None


def test_a_false_welcome_does_not_spoil_the_true_one():
    """Strangers may answer a hello first."""
    pair = Pair()
    hello = pair.edge.hello(pair.now_s)
    answer = pair.alice.welcome(hello, pair.now_s)
    for wrong in (b'', bytes(64), bytes(answer.box)[:-1] + b'x'):
        with pytest.raises(BadSeal):
            pair.edge.welcome(Sealed(0, 0, wrong), pair.now_s)
    confirm = pair.edge.welcome(answer, pair.now_s)
    assert pair.alice.open(Kind.WINDOW, confirm, pair.now_s) == b''
    assert pair.edge.welcome(answer, pair.now_s) is None  # it came twice


def test_a_hello_is_repeated_until_it_is_answered():
    """The same one at first: its answer may take longer than the pause between two."""
    pair = Pair()
    first = pair.edge.hello(pair.now_s)
    assert pair.edge.hello(pair.now_s + 0.1) is None
    assert pair.edge.hello(pair.now_s + 0.3) is first
    late = pair.alice.welcome(first, pair.now_s + 2.0)
    assert pair.alice.welcome(first, pair.now_s + 2.1) is late
    assert pair.edge.welcome(late, pair.now_s + 3.0) is not None
    assert pair.edge.hello(pair.now_s + 3.1) is None


def test_another_process_of_the_worker_is_recognised():
    """The edge greets whoever is there once it hears nothing; what the old one had is dead."""
    pair = Pair()
    pair.greet()
    assert not pair.greet()
    pair.make_alice()
    with pytest.raises(BadSeal):
        pair.ask()
    pair.now_s += 1.6
    assert pair.greet()
    assert pair.answer() == (b'embedding', b'second')


def test_sessions_are_replaced_in_time_and_by_bytes():
    """What is under way in the old one still opens for a while."""
    pair = Pair()
    pair.greet()
    on_its_way = pair.alice.seal(Kind.EMBEDDING, b'late', pair.now_s)
    pair.now_s += 1.0
    pair.answer(Kind.STATUS)
    assert not pair.greet()
    pair.edge._session.bytes = seal.REKEY_BYTES + 1
    assert pair.greet()
    assert pair.edge.open(Kind.EMBEDDING, on_its_way, pair.now_s + 9.0)[0] == b'late'
    pair.now_s += REKEY_S + 1.0
    assert pair.greet()


def test_a_flood_of_old_handshakes_costs_a_bounded_amount_of_work():
    """Twenty at once, then ten a second; a new one passes all the same."""
    pair, hellos = recorded(40)
    begun, begin = [], pair.alice._begin
    pair.alice._begin = lambda: (begun.append(1), begin())[1]
    for hello in hellos:
        with suppress(BadSeal):
            pair.alice.welcome(hello, pair.now_s)
    assert len(begun) == 20
    assert pair.greet()
