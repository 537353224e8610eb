"""Windows of frames under way: they are sent elsewhere, or asked for again."""

import numpy as np
import pytest

import fakes
from fakes import ALL, WITHOUT_BOB, by_worker, loss, settle
from pedsam_ros.core.errors import BadBatch, Unavailable
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.router import EVERYWHERE


def test_a_worker_lost_on_the_way_is_replaced():
    """Its pending windows go to the spare. If its own answer comes first, that counts."""
    edge = fakes.edge(spares=('dave',), loss=loss('spare'))
    started, assignments = edge.start(fakes.frame(), 0.0, ALL)
    bobs = [a for a in assignments if a.worker == 'bob']
    settle(edge, [a for a in assignments if a.worker != 'bob'] + bobs[:1])
    moved = edge.reroute(WITHOUT_BOB | {'dave'}, 0.5)
    assert by_worker(moved) == {'dave': {a.window.index for a in bobs[1:]}}
    assert edge.reroute(WITHOUT_BOB | {'dave'}, 0.6) == []
    settle(edge, bobs[1:2])
    with pytest.raises(BadBatch, match='double'):
        settle(edge, [a for a in moved if a.window.index == bobs[1].window.index])
    settle(edge, [a for a in moved if a.window.index != bobs[1].window.index])
    assert list(edge.completed) == [started]


def test_windows_without_a_stand_in_stay_pending_until_the_deadline():
    """Their worker may come back."""
    edge = fakes.edge(deadline_s=2.0, loss=loss('spare'))
    _, assignments = edge.start(fakes.frame(), 0.0, ALL)
    assert edge.reroute(WITHOUT_BOB, 0.5) == []
    settle(edge, assignments)
    assert len(edge.completed) == 1


def test_an_idle_worker_is_asked_again_and_nobody_else():
    """The request ids are fresh. Only windows that it was asked for long enough ago are sent."""
    edge = fakes.edge()
    _, assignments = edge.start(fakes.frame(), 1.0, ALL)
    assert edge.again('bob', before_s=1.0, now_s=2.0) == []
    again = edge.again('bob', before_s=1.5, now_s=2.0)
    first = [a for a in assignments if a.worker == 'bob']
    assert by_worker(again) == by_worker(first)
    ids = {a.window.request_id for a in first}
    assert not ids & {a.window.request_id for a in again}
    settle(edge, again)
    with pytest.raises(BadBatch, match='double'):
        settle(edge, first[:1])


def test_a_window_of_a_frame_is_sent_twice_at_most():
    """To whomever; the edge itself may still compute it."""
    edge = fakes.edge(spares=('dave',), loss=loss('spare', 'local'))
    edge.start(fakes.frame(), 0.0, ALL)
    assert by_worker(edge.again('bob', before_s=1.0, now_s=1.0)).keys() == {'bob'}
    assert edge.again('bob', before_s=2.0, now_s=2.0) == []
    assert edge.reroute(WITHOUT_BOB | {'dave'}, 3.0) == []
    other = fakes.edge(loss=loss('local'))
    other.start(fakes.frame(), 0.0, ALL)
    other.again('bob', before_s=1.0, now_s=1.0)
    assert by_worker(other.reroute(WITHOUT_BOB, 3.0)).keys() == {LOCAL}


@pytest.mark.parametrize('seed', range(5))
def test_kills_and_restarts_in_any_order_never_raise_a_share(seed):
    """A naive fail-over would show one worker everything."""
    rng = np.random.default_rng(seed)
    edge = fakes.edge(spares=('dave',), loss=loss('spare', 'fail'))
    for number in range(60):
        usable = {name for name in (*ALL, 'dave') if rng.random() < 0.6}
        size = [(96, 128), (128, 96), (90, 160)][number % 3]
        try:
            edge.start(fakes.frame(*size), float(number), usable)
        except Unavailable:
            continue
        edge.reroute({name for name in (*ALL, 'dave') if rng.random() < 0.6}, number + 0.5)
        shares = {name: edge.ledger.share(name) for name in edge.ledger.workers}
        assert max(shares.values()) <= edge.ledger.cap() < 0.37


def test_a_region_that_comes_later_is_heeded_by_what_is_still_to_be_sent():
    """Whether it is to be sent to a spare or to the same worker again."""
    edge = fakes.edge(spares=('dave',), regions=True, loss=loss('spare'))
    edge.start(fakes.frame(), 0.0, ALL)
    edge.router.protect(EVERYWHERE, until_s=5.0)
    assert by_worker(edge.reroute(WITHOUT_BOB | {'dave'}, 0.5)).keys() == {LOCAL}
    assert by_worker(edge.again('carol', before_s=0.4, now_s=0.5)).keys() == {LOCAL}
