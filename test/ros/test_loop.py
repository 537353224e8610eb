"""The edge's loop between links and core, with links that are function calls."""

import time
from dataclasses import replace

import numpy as np
import pytest

import fakes
from loop_with_fakes import NAMES, answer, arrive, make_loop
from pedsam_ros.core.config import LossConfig, PlacementConfig
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.trial.lies import FOUND_AT_ONCE, spoiled

pytestmark = pytest.mark.ros


@pytest.fixture
def loop():
    """A loop whose workers are all ready."""
    return make_loop()


def test_a_frame_goes_out_and_comes_back(loop):
    """Started by one step, accepted and finished by the next."""
    arrive(loop, stamp_ns=3)
    loop.step()
    answer(loop)
    loop.step()
    assert [masks.key.stamp_ns for masks in loop.masks] == [3]
    assert loop.edge.endings == {'done': 1}


def test_the_workers_have_the_next_frame_before_this_one_is_finished(loop):
    """Pipelined: what waits is sent before the edge computes."""
    arrive(loop, stamp_ns=1)
    loop.step()
    answer(loop)
    arrive(loop, stamp_ns=2)
    sent = []
    loop._publish = lambda masks: sent.append([len(link.sent) for link in loop.links.values()])
    loop.step()
    assert sent == [[7, 7, 6]]


def test_a_flood_of_replies_is_cut_and_costs_nobody_else(loop):
    """The flooder's oldest are dropped and counted; the others' replies are taken."""
    arrive(loop)
    loop.step()
    answer(loop)
    flood = replace(fakes.any_reply(), request_id=1)
    for _ in range(1000):
        loop.inbox.on_embedding('alice', flood)
    while len(loop.inbox.replies['alice']):
        loop.step()
    assert loop.rejected['alice'] + loop.inbox.replies['alice'].dropped == 1000 + 7
    assert loop.edge.in_flight == 1
    assert (loop.rejected['bob'], loop.rejected['carol']) == (0, 0)


def test_a_huge_reply_is_not_kept(loop):
    """It does not wait for its turn in full size."""
    loop.inbox.on_embedding('alice', replace(fakes.any_reply(), values=bytes(10**7)))
    assert len(loop.inbox.replies['alice'].take()[0].values) == 0


def test_absurd_replies_end_the_frame_as_failed(loop):
    """Finite numbers whose result is not."""
    loop.edge.config = replace(loop.edge.config, transport='float32')
    arrive(loop)
    loop.step()
    huge = lambda reply: replace(reply, values=np.full(reply.shape, 3e38, '<f4').tobytes())  # noqa: E731
    answer(loop, huge)
    loop.step()
    assert loop.edge.endings == {'failed': 1}
    assert 'NaN or infinite' in loop.reason
    assert loop.masks == []


def test_a_defect_while_starting_ends_the_frame(loop):
    """It was taken, so it is owed an ending."""
    arrive(loop)
    loop.edge.start = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        loop.step()
    assert loop.edge.endings == {'failed': 1}


def test_a_silent_worker_is_lost(loop):
    """Its frames fail at once and name it."""
    loop.health.heard('bob', loop.health.status('bob'), -1e9)
    arrive(loop)
    loop.step()
    assert loop.edge.endings == {'failed': 1}
    assert 'bob silent' in loop.reason
    assert not any(link.sent for link in loop.links.values())


def test_closing_ends_every_frame(loop):
    """Those in flight and those that wait."""
    arrive(loop)
    loop.step()
    arrive(loop)
    loop.close()
    assert loop.edge.endings == {'failed': 2}
    assert loop.edge.frames_in == 2


def test_nothing_is_sent_unless_the_ledger_is_written(loop):
    """A full disk ends the frame as failed; afterwards the next goes out."""

    def full():
        raise OSError(28, 'No space left on device')

    loop.sender.keep = full
    arrive(loop)
    loop.step()
    assert not any(link.sent for link in loop.links.values())
    assert loop.edge.endings == {'failed': 1}
    assert 'No space left' in loop.reason
    loop.sender.keep = lambda: None
    arrive(loop)
    loop.step()
    assert all(link.sent for link in loop.links.values())


def test_a_frame_that_failed_is_not_finished(loop):
    """A full disk, with a frame that has all its windows at once: it ends as failed, no masks."""

    def full():
        raise OSError(28, 'No space left on device')

    rules = LossConfig(on_server_loss=('stale',), stale_s=100.0)
    loop.edge.config = replace(loop.edge.config, loss=rules)
    loop.edge.router.rules = rules
    arrive(loop, stamp_ns=1)
    loop.step()
    answer(loop)
    while not loop.masks:
        loop.step()
    for name in NAMES:
        loop.health.heard(name, loop.health.status(name), -1e9)
    loop.sender.keep = full
    arrive(loop, stamp_ns=2)
    for _ in range(3):
        loop.step()
    assert loop.edge.endings == {'done': 1, 'failed': 1}
    assert [masks.key.stamp_ns for masks in loop.masks] == [1]


def test_a_spare_is_not_used_up_while_workers_start(monkeypatch):
    """A worker that was never heard of has some time; then the spare stands in."""
    loop = make_loop(spares=('dave',))
    del loop.health._heard['bob']
    arrive(loop)
    loop.step()
    assert loop.edge.endings == {'failed': 1}
    assert loop.edge.ledger.stands_in == {}
    monkeypatch.setattr(loop, '_patient_until_s', 0.0)
    arrive(loop)
    loop.step()
    assert loop.edge.ledger.stands_in == {'dave': 'bob'}


def test_regions_do_not_pile_up_without_a_camera(loop):
    """A detector may publish for days while no frame comes."""
    for x in range(1000):
        loop.inbox.protect((float(x), 0.0, x + 1.0, 1.0))
        loop.step()
    assert len(loop.inbox._regions) == 0
    assert len(loop.edge.router._regions) <= 256


@pytest.mark.parametrize('lie', FOUND_AT_ONCE)
def test_a_lying_worker_is_quarantined_until_released(loop, lie):
    """Its frame is not finished, the next is not sent to it; released, all is well."""
    arrive(loop)
    loop.step()
    answer(loop, lambda reply: spoiled(reply, lie), who='alice')
    answer(loop)
    loop.step()
    assert loop.trouble('alice').startswith('quarantined: alice: ')
    assert [alarm.startswith('quarantined: alice: ') for alarm in loop.alarms] == [True]
    assert loop.masks == []
    loop.edge.expire(1e12)
    arrive(loop)
    loop.step()
    assert 'quarantined' in loop.reason
    assert sum(loop.edge.endings.values()) == 2
    assert loop.health.release('alice')
    arrive(loop, stamp_ns=9)
    loop.step()
    answer(loop)
    while not loop.masks:
        loop.step()
    assert [masks.key.stamp_ns for masks in loop.masks] == [9]


def test_a_foreign_reply_is_no_lie(loop):
    """Late and double replies are the network's."""
    loop.inbox.on_embedding('alice', fakes.any_reply())
    loop.step()
    assert loop.trouble('alice') == ''
    assert loop.rejected['alice'] == 1


def test_an_idle_worker_that_owes_is_asked_again(loop, monkeypatch):
    """It was restarted, or the windows were lost; not while it says that it is busy."""
    now = time.monotonic()
    arrive(loop)
    loop.step()
    first = {name: len(link.sent) for name, link in loop.links.items()}
    monkeypatch.setattr(time, 'monotonic', lambda: now + 1.5)  # retry_s is 1, the deadline 2
    loop.inbox.on_status('bob', replace(loop.health.status('bob'), queued=2))
    loop.inbox.on_status('carol', loop.health.status('carol'))
    loop.step()
    again = {name: len(link.sent) - first[name] for name, link in loop.links.items()}
    assert again == {'alice': 0, 'bob': 0, 'carol': first['carol']}


def test_a_restarted_worker_is_asked_again_at_once(loop, monkeypatch):
    """It names another reader, so it has nothing of what was sent before; others may have it."""
    now = time.monotonic()
    loop.health.timeout_s = 0.1
    arrive(loop)
    loop.step()
    first = {name: len(link.sent) for name, link in loop.links.items()}
    monkeypatch.setattr(time, 'monotonic', lambda: now + 0.3)  # retry_s is 1
    loop.inbox.on_status('bob', replace(loop.health.status('bob'), reader='new'))
    loop.inbox.on_status('carol', loop.health.status('carol'))
    loop.step()
    again = {name: len(link.sent) - first[name] for name, link in loop.links.items()}
    assert again == {'alice': 0, 'bob': first['bob'], 'carol': 0}


def test_with_every_frame_a_frame_waits_for_its_workers(loop):
    """None is lost, and order is kept."""
    loop.edge.config = replace(loop.edge.config, every_frame=True)
    loop.inbox.frames._depth = 10
    loop.health.heard('bob', loop.health.status('bob'), -1e9)
    for stamp in (1, 2):
        arrive(loop, stamp_ns=stamp)
    loop.step()
    assert (loop.waiting, loop.edge.in_flight) == (2, 0)
    loop.inbox.on_status('bob', loop.health.status('bob'))
    while len(loop.masks) < 2:
        loop.step()
        answer(loop)
    assert [masks.key.stamp_ns for masks in loop.masks] == [1, 2]


def test_local_windows_are_computed_here():
    """Between the replies of workers; the masks are the same."""
    loop = make_loop(placement=PlacementConfig(local_windows=(0, 7)))
    arrive(loop, stamp_ns=4)
    while not loop.masks:
        loop.step()
        answer(loop)
    assert not any(w.index in (0, 7) for link in loop.links.values() for w in link.ever)
    whole = LocalPipeline(fakes.edge(), fakes.worker()).segment(fakes.frame(stamp_ns=4))
    (ours,), (theirs,) = loop.masks[0].masks, whole.masks
    assert (ours.counts, ours.score) == (theirs.counts, theirs.score)


def test_a_region_holds_for_every_frame_that_arrived_under_it():
    """However long the frame waits; and a region that came first is never overtaken."""
    loop = make_loop(regions=True, every_frame=True, region_s=0.0)
    loop.health.heard('bob', loop.health.status('bob'), -1e9)
    loop.inbox.protect((0.0, 0.0, 20.0, 20.0))
    loop.inbox._regions[-1] = (loop.inbox._regions[-1][0], 50.0)
    loop.arrive(loop.inbox.frames.offer(replace(fakes.frame(), arrived_s=49.0)))
    loop.step()
    assert loop.waiting == 1
    loop.inbox.on_status('bob', loop.health.status('bob'))
    while not loop.masks:
        loop.step()
        answer(loop)
    assert not any(w.index == 0 for link in loop.links.values() for w in link.ever)
    loop.arrive(loop.inbox.frames.offer(replace(fakes.frame(), arrived_s=51.0)))
    loop.step()
    assert any(w.index == 0 for link in loop.links.values() for w in link.ever)


def test_windows_of_ended_frames_are_not_computed_here():
    """No backlog grows, and frames that are complete come first."""
    loop = make_loop(placement=PlacementConfig(local_windows=tuple(range(25))))
    for stamp in (1, 2):
        arrive(loop, stamp_ns=stamp)
        loop._start_frames()
    loop.edge.expire(1e12)
    computed = []
    loop.edge.accept = lambda *reply: computed.append(reply)
    while loop.sender.local:
        loop.step()
    assert computed == []
