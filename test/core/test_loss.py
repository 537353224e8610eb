"""What the edge does about workers that are lost, slow or wrong: the rules of LossConfig."""

from dataclasses import replace

import numpy as np
import pytest

import fakes
from fakes import ALL
from pedsam_ros.core.config import LossConfig, PlacementConfig
from pedsam_ros.core.errors import BadBatch, BadReply, ConfigError, ExposureError, Unavailable
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.router import EVERYWHERE
from pedsam_ros.core.windows import Canvas

WITHOUT_BOB = ALL - {'bob'}


def loss(*rules, **others):
    return LossConfig(on_server_loss=rules, **others)


def by_worker(assignments):
    found = {}
    for assignment in assignments:
        found.setdefault(assignment.worker, set()).add(assignment.window.index)
    return found


def settle(edge, assignments, now_s=0.0):
    for worker, reply in fakes.replies(assignments):
        edge.accept(worker, reply, now_s)


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
    bobs = {index for index, home in edge.router.homes.items() if home == 'bob'}
    assert started.stale == bobs & set(first.tokens)
    for index in started.stale:
        assert (started.tokens[index] == first.tokens[index]).all()
    masks = edge.decode(edge.encode(started), fakes.POINT)
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


def test_a_spare_that_has_seen_others_windows_is_no_spare():
    """Neither is one that may not see the lost worker's windows. The next rule is asked then."""
    edge = fakes.edge(spares=('dave',), loss=loss('spare', 'local'))
    edge.ledger.admit({'dave': [0]}, Canvas.fit(fakes.TINY, 96, 128), 1, 0.0)
    edge.ledger.bind('dave', edge.router.homes[0])
    assert LOCAL in by_worker(edge.start(fakes.frame(), 0.0, WITHOUT_BOB | {'dave'})[1])
    edge = fakes.edge(spares=('dave',), loss=loss('spare', 'local'))
    edge.router.spares['dave'] = replace(edge.router.spares['dave'], windows=(1, 4))
    assert LOCAL in by_worker(edge.start(fakes.frame(), 0.0, WITHOUT_BOB | {'dave'})[1])


def test_a_region_that_comes_later_is_heeded_by_what_is_still_to_be_sent():
    """Whether it is to be sent to a spare or to the same worker again."""
    edge = fakes.edge(spares=('dave',), regions=True, loss=loss('spare'))
    edge.start(fakes.frame(), 0.0, ALL)
    edge.router.protect(EVERYWHERE, until_s=5.0)
    assert by_worker(edge.reroute(WITHOUT_BOB | {'dave'}, 0.5)).keys() == {LOCAL}
    assert by_worker(edge.again('carol', before_s=0.4, now_s=0.5)).keys() == {LOCAL}


def test_regions_that_say_nothing_cover_everything():
    """And too many regions become one that covers them all."""
    for region in [(float('nan'), 0.0, 5.0, 5.0), EVERYWHERE]:
        edge = fakes.edge(regions=True)
        edge.router.protect(region, until_s=5.0)
        assert by_worker(edge.start(fakes.frame(), 0.0, ALL)[1]).keys() == {LOCAL}
    for number in range(1000):
        edge.router.protect((number / 10, 0.0, number / 10 + 1, 1.0), until_s=5.0)
    assert len(edge.router._regions) <= 257


def test_a_cap_that_a_frame_would_break_keeps_it_here():
    """Nothing is sent to anybody."""
    edge = fakes.edge(placement=PlacementConfig(max_share=0.36))
    edge.ledger.max_share = 0.2
    with pytest.raises(ExposureError):
        edge.start(fakes.frame(), 0.0, ALL)
    assert edge.in_flight == 0
    assert edge.ledger.workers == {}


def test_local_windows_never_leave():
    """They are given by index; what happens to workers makes no difference."""
    edge = fakes.edge(placement=PlacementConfig(local_windows=(0, 7)), loss=loss('spare'))
    for usable in (ALL, ALL | {'dave'}):
        sent = by_worker(edge.start(fakes.frame(), 0.0, usable)[1])
        assert sent[LOCAL] == {0, 7}


def test_a_region_keeps_its_windows_here_for_a_while():
    """All windows that hold any part of it stay; afterwards they go to their homes again."""
    edge = fakes.edge(regions=True)
    edge.router.protect((40.0, 20.0, 70.0, 40.0), until_s=5.0)  # of 128x96: canvas 90..157, 45..90
    sent = by_worker(edge.start(fakes.frame(), 0.0, ALL)[1])
    assert sent[LOCAL] == {1, 2, 6, 7, 0, 5} - {0, 5}
    assert LOCAL not in by_worker(edge.start(fakes.frame(), 5.0, ALL)[1])


def audited(tolerance=0.05, **config):
    rules = LossConfig(audit_rate=1.0, audit_tolerance=tolerance)
    return fakes.edge(loss=rules, **config)


@pytest.mark.parametrize('transport', ['float32', 'float16', 'int8'])
def test_an_honest_worker_passes_every_audit(transport):
    """However embeddings travel."""
    edge = audited(transport=transport)
    for seed in range(4):
        started, assignments = edge.start(fakes.frame(seed=seed), 0.0, ALL)
        settle(edge, assignments)
        edge.audit(started)


def test_an_audit_finds_a_worker_that_makes_things_up():
    """Its values are finite, have the right shape, and are wrong."""
    edge = audited(transport='float32', chance=lambda: 0.0)
    started, assignments = edge.start(fakes.frame(), 0.0, ALL)
    for worker, reply in fakes.replies(assignments):
        values = np.frombuffer(reply.values, '<f4') * (1.5 if worker == 'alice' else 1)
        edge.accept(worker, replace(reply, values=values.astype('<f4').tobytes()))
    with pytest.raises(BadReply, match='alice: window=0 computed again'):
        edge.audit(started)


def test_stale_answers_of_a_distrusted_worker_count_as_its_own():
    """A frame that uses them fails, and the frame that was encoded last is forgotten."""
    edge = fakes.edge(loss=loss('stale'))
    started, assignments = edge.start(fakes.frame(), 0.0, ALL)
    settle(edge, assignments)
    edge.encode(edge.completed.popleft())
    edge.finish(started, 'done')
    _, assignments = edge.start(fakes.frame(seed=1), 0.5, WITHOUT_BOB)
    settle(edge, assignments)
    assert len(edge.completed) == 1
    edge.distrust('bob')
    assert (len(edge.completed), edge.in_flight, edge.last) == (0, 0, None)
    assert edge.endings == {'done': 1, 'failed': 1}


def test_frames_with_answers_of_a_distrusted_worker_fail():
    """Whether complete or not. Its embeddings are not used as stale; other frames go on."""
    edge = fakes.edge(loss=loss('stale'))
    for seed in range(3):
        _, assignments = edge.start(fakes.frame(seed=seed), 0.0, ALL)
        settle(edge, assignments if seed == 0 else assignments[:seed])
    edge.start(fakes.frame(seed=9), 0.0, ALL)
    edge.distrust('alice')
    assert edge.endings == {'failed': 3}
    assert not edge.completed
    assert edge.in_flight == 1
    with pytest.raises(Unavailable):
        edge.start(fakes.frame(), 0.0, ALL - {'alice'})


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
