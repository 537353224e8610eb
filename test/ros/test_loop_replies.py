"""The edge's loop when replies are too many, too large, foreign or lies."""

from dataclasses import replace

import numpy as np
import pytest

import fakes
from loop_with_fakes import Clock, PlayedLoop
from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.nodes.frame_log import FrameLog
from pedsam_ros.nodes.inbox import Inbox
from pedsam_ros.trial.lies import FOUND_AT_ONCE, spoiled
from pedsam_ros.trial.processes import NAMES

pytestmark = pytest.mark.ros


def test_a_flood_of_replies_is_cut_and_costs_nobody_else(played):
    """The oldest replies of the flooder are dropped and counted; those of others are taken."""
    played.arrive()
    played.step()
    played.answer()
    flood = replace(fakes.any_reply(), request_id=1)
    for _ in range(1000):
        played.loop.on_embedding('alice', flood)
    while played.loop.step() == 0.0:  # there is more to do
        pass
    assert played.figures('alice')['rejected'] == 1000 + 7
    assert played.edge.in_flight == 1
    assert [played.figures(name)['rejected'] for name in ('bob', 'carol')] == [0, 0]


def test_a_worker_that_answers_what_nobody_asked_all_the_time_is_a_liar(played):
    """Some late answers are the network's fault; thousands are not."""
    hundreds = 0
    while played.state('alice') == 'usable' and hundreds < 40:
        hundreds += 1
        for _ in range(100):
            played.loop.on_embedding('alice', fakes.any_reply())
        while played.loop.step() == 0.0:
            pass
    assert 25 < hundreds < 35
    assert 'far more answers' in played.message('alice')
    assert played.state('bob') == 'usable'


def test_a_huge_reply_is_not_kept():
    """It does not wait for its turn in full size."""
    inbox = Inbox(NAMES, EdgeConfig(), fakes.TINY, Clock(), FrameLog())
    inbox.on_embedding('alice', replace(fakes.any_reply(), values=bytes(10**7)))
    ((worker, reply),) = inbox.some_replies()
    assert (worker, len(reply.values)) == ('alice', 0)


def test_a_foreign_reply_is_no_lie(played):
    """Late and double replies are the network's fault."""
    played.loop.on_embedding('alice', fakes.any_reply())
    played.step()
    assert played.state('alice') == 'usable'
    assert played.figures('alice')['rejected'] == 1


def test_absurd_replies_end_the_frame_as_failed():
    """The numbers are finite; what the global blocks make of them is not."""
    played = PlayedLoop(transport='float32')
    played.arrive()
    played.step()
    huge = lambda reply: replace(reply, values=np.full(reply.shape, 3e38, '<f4').tobytes())  # noqa: E731
    played.answer(huge)
    played.step()
    assert played.edge.endings == {'failed': 1}
    assert 'NaN or infinite' in played.losses.reason
    assert played.masks == []


@pytest.mark.parametrize('lie', FOUND_AT_ONCE)
def test_a_lying_worker_is_quarantined_until_released(played, lie):
    """Its frame is not finished and the next is not sent to it. After the release all is well."""
    played.arrive()
    played.step()
    played.answer(lambda reply: spoiled(reply, lie), who='alice')
    played.answer()
    played.step()
    assert played.state('alice') == 'quarantined'
    assert played.message('alice').startswith('quarantined: alice: ')
    assert [alarm.startswith('quarantined: alice: ') for alarm in played.alarms] == [True]
    assert played.masks == []
    played.wait(played.edge.config.deadline_s)
    played.arrive()
    played.step()
    assert 'quarantined' in played.losses.reason
    assert sum(played.edge.endings.values()) == 2
    played.loop.release('alice')
    played.arrive(stamp_ns=9)
    played.step_until_masks()
    assert [masks.key.stamp_ns for masks in played.masks] == [9]


def test_only_a_worker_in_quarantine_can_be_released(played):
    """Whoever asks for another learns that the name is wrong."""
    with pytest.raises(ConfigError, match="worker='alice': not in quarantine"):
        played.loop.release('alice')
