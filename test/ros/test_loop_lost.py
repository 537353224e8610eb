"""The edge's loop when workers are silent, idle or restarted."""

import pytest

import fakes
from loop_with_fakes import PlayedLoop
from pedsam_ros.core.config import LossConfig
from pedsam_ros.core.router import EVERYWHERE
from pedsam_ros.trial.processes import NAMES

pytestmark = pytest.mark.ros


def test_a_silent_worker_is_lost(played):
    """A frame that needs it fails at once and names it."""
    played.lose('bob')
    played.arrive()
    played.step()
    assert played.edge.endings == {'failed': 1}
    assert 'bob silent' in played.losses.reason
    assert played.state('bob') == 'silent'
    assert not any(played.unanswered().values())


def test_a_spare_is_not_used_up_while_workers_start():
    """A worker that was never heard of has 20 s to start; then the spare stands in for it."""
    played = PlayedLoop(spares=('dave',), unheard=('bob',))
    played.wait(19.9)
    played.arrive()
    played.step()
    assert played.edge.endings == {'failed': 1}
    assert played.edge.ledger.stands_in == {}
    played.wait(0.2)
    played.arrive()
    played.step()
    assert played.edge.ledger.stands_in == {'dave': 'bob'}


def test_an_idle_worker_that_owes_is_asked_again(played):
    """It was restarted, or the windows were lost. A worker that says it is busy is not asked."""
    played.arrive()
    played.step()
    first = played.unanswered()
    played.clock.now_s += 1.5  # retry_s is 1, the deadline 2
    played.beat('bob', queued=2)
    played.beat('carol')
    played.step()
    again = {name: played.unanswered()[name] - first[name] for name in NAMES}
    assert again == {'alice': 0, 'bob': 0, 'carol': first['carol']}


def test_a_restarted_worker_is_asked_again_at_once():
    """It is another process, so what was sent before is lost. Others may still have theirs."""
    played = PlayedLoop(loss=LossConfig(worker_timeout_s=0.5))
    played.arrive()
    played.step()
    first = played.unanswered()
    played.clock.now_s += 0.6  # retry_s is 1
    played.beat('bob', process='new')
    played.beat('carol')
    played.step()
    again = {name: played.unanswered()[name] - first[name] for name in NAMES}
    assert again == {'alice': 0, 'bob': first['bob'], 'carol': 0}


def test_with_every_frame_a_frame_waits_for_its_workers():
    """No frame is lost, and they keep their order."""
    played = PlayedLoop(every_frame=True)
    played.lose('bob')
    for stamp in (1, 2):
        played.arrive(stamp_ns=stamp)
    played.step()
    assert (played.figures()['waiting'], played.edge.in_flight) == (2, 0)
    assert played.losses.reason == 'waiting: bob silent'
    played.regain('bob')
    played.step_until_masks(2)
    assert [masks.key.stamp_ns for masks in played.masks] == [1, 2]


@pytest.mark.parametrize(
    ('rules', 'region', 'read', 'ending'),
    [
        (('fail',), False, False, 'failed'),
        (('spare', 'fail'), False, False, 'failed'),
        (('stale', 'fail'), False, True, 'failed'),
        (('local',), False, True, 'done'),
        (('fail',), True, True, 'done'),  # nothing of it would leave the edge
    ],
)
def test_images_are_not_read_while_no_frame_could_be_started(rules, region, read, ending):
    """They end as if they had been."""
    played, reads = PlayedLoop(loss=LossConfig(on_server_loss=rules), regions=True), []
    played.lose(*NAMES)
    image = fakes.Shown()
    image.read = lambda: (reads.append(image), fakes.Shown.read(image))[1]
    if region:
        played.loop.protect(EVERYWHERE)
    played.loop.offer(image)
    while not played.edge.endings:
        played.step()
    assert (bool(reads), played.edge.endings) == (read, {ending: 1})
    if ending == 'failed':
        assert 'alice silent' in played.losses.reason
