"""Who stands in for a lost worker when a frame starts: the rules of LossConfig, in their order."""

from dataclasses import replace

import pytest

import fakes
from fakes import ALL, WITHOUT_BOB, by_worker, loss, settle
from pedsam_ros.core.config import LossConfig
from pedsam_ros.core.errors import ConfigError, Unavailable
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.windows import Canvas


def test_without_a_rule_that_applies_the_frame_cannot_start():
    """Nothing is sent and nothing is noted."""
    for rules in ((), ('fail',), ('fail', 'local'), ('spare',), ('stale',)):
        edge = fakes.edge(loss=loss(*rules))
        with pytest.raises(Unavailable, match='bob'):
            edge.start(fakes.frame(), 0.0, WITHOUT_BOB)
        assert edge.in_flight == 0
        assert edge.ledger.workers == {}


def test_a_spare_gets_the_lost_workers_windows_and_no_others():
    """It keeps that role: another lost worker gets another spare, if there is one."""
    edge = fakes.edge(spares=('dave', 'erin'), loss=loss('spare'))
    homes = by_worker(edge.start(fakes.frame(), 0.0, ALL)[1])
    sent = by_worker(edge.start(fakes.frame(), 0.0, WITHOUT_BOB | {'dave', 'erin'})[1])
    assert sent == {'alice': homes['alice'], 'dave': homes['bob'], 'carol': homes['carol']}
    sent = by_worker(edge.start(fakes.frame(), 0.0, {'alice', 'bob', 'dave', 'erin'})[1])
    assert sent['erin'] == homes['carol']
    with pytest.raises(Unavailable, match='alice'):
        edge.start(fakes.frame(), 0.0, {'bob', 'carol', 'dave', 'erin'})
    assert by_worker(edge.start(fakes.frame(), 0.0, ALL)[1]) == homes
    assert max(map(edge.ledger.share, edge.ledger.workers)) <= edge.ledger.cap()


def test_a_spare_in_use_is_taken_before_a_fresh_one():
    """So no second stranger sees the same windows."""
    edge = fakes.edge(spares=('dave', 'erin'), loss=loss('spare'))
    edge.ledger.bind('erin', 'bob')
    sent = by_worker(edge.start(fakes.frame(), 0.0, WITHOUT_BOB | {'dave', 'erin'})[1])
    assert 'erin' in sent
    assert 'dave' not in sent


def test_a_spare_that_has_seen_others_windows_is_no_spare():
    """Neither is one that may not see the lost worker's windows. The next rule is asked then."""
    edge = fakes.edge(spares=('dave',), loss=loss('spare', 'local'))
    edge.ledger.admit({'dave': [0]}, Canvas.fit(fakes.TINY, 96, 128), 1, 0.0)
    edge.ledger.bind('dave', edge.ledger.homes[0])
    assert LOCAL in by_worker(edge.start(fakes.frame(), 0.0, WITHOUT_BOB | {'dave'})[1])
    edge = fakes.edge(spares=('dave',), loss=loss('spare', 'local'))
    edge.router.spares['dave'] = replace(edge.router.spares['dave'], windows=(1, 4))
    assert LOCAL in by_worker(edge.start(fakes.frame(), 0.0, WITHOUT_BOB | {'dave'})[1])


def test_local_computes_here_to_the_last_bit():
    """Windows that stay here take the same way as those of a worker."""
    edge, frame = fakes.edge(loss=loss('local')), fakes.frame()
    started, assignments = edge.start(frame, 0.0, WITHOUT_BOB)
    assert by_worker(assignments).keys() == {'alice', 'carol', LOCAL}
    settle(edge, assignments)
    usual = fakes.edge()
    other, all_sent = usual.start(frame, 0.0, ALL)
    settle(usual, all_sent)
    assert (edge.encode(started).embedding == usual.encode(other).embedding).all()
    assert LOCAL not in edge.ledger.workers


def test_stale_uses_the_last_embedding_while_it_is_young_and_says_so():
    """An embedding that is too old, or of another camera size, is not used."""
    edge = fakes.edge(loss=loss('stale', stale_s=2.0))
    _, assignments = edge.start(fakes.frame(seed=1), 0.0, ALL)
    settle(edge, assignments, now_s=1.0)
    first = edge.completed.popleft()
    started, assignments = edge.start(fakes.frame(seed=2), 3.0, WITHOUT_BOB)
    settle(edge, assignments, now_s=3.0)
    bobs = {index for index, home in edge.ledger.homes.items() if home == 'bob'}
    assert started.stale == bobs & set(first.tokens)
    for index in started.stale:
        assert (started.tokens[index] == first.tokens[index]).all()
    masks = edge.decode(edge.encode(started), fakes.POINT).masks
    assert set(masks.stale_windows) == started.stale
    for frame, now_s in ((fakes.frame(), 3.1), (fakes.frame(90, 160), 3.0)):
        with pytest.raises(Unavailable):
            edge.start(frame, now_s, WITHOUT_BOB)


def test_a_frame_of_stale_windows_alone_is_complete_at_once():
    """No worker is asked for anything."""
    edge = fakes.edge(loss=loss('stale'))
    settle(edge, edge.start(fakes.frame(), 0.0, ALL)[1])
    edge.completed.clear()
    started, assignments = edge.start(fakes.frame(seed=1), 0.5, set())
    assert assignments == []
    assert list(edge.completed) == [started]
    assert edge.expire(100.0) == []


def test_rules_apply_in_their_order():
    """The first rule that can be followed is."""
    both = fakes.edge(spares=('dave',), loss=loss('spare', 'local'))
    assert 'dave' in by_worker(both.start(fakes.frame(), 0.0, WITHOUT_BOB | {'dave'})[1])
    assert LOCAL in by_worker(both.start(fakes.frame(), 0.0, WITHOUT_BOB)[1])
    other = fakes.edge(spares=('dave',), loss=loss('local', 'spare'))
    assert LOCAL in by_worker(other.start(fakes.frame(), 0.0, WITHOUT_BOB | {'dave'})[1])


@pytest.mark.parametrize(
    ('settings', 'named'),
    [
        ({'on_server_loss': ('spare', 'hope')}, 'on_server_loss=.*each one of spare, local'),
        ({'audit_rate': 1.5}, 'audit_rate=1.5'),
    ],
)
def test_wrong_rules_are_named(settings, named):
    """The error names the value and the rule."""
    with pytest.raises(ConfigError, match=named):
        LossConfig(**settings)
