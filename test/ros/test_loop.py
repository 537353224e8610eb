"""The edge's loop between links and core, with links that are function calls."""

from dataclasses import replace

import numpy as np
import pytest

import fakes
from loop_with_fakes import Clock, PlayedLoop
from pedsam_ros.core.config import EdgeConfig, LossConfig, PlacementConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.nodes.inbox import Inbox
from pedsam_ros.ros import diagnostics
from pedsam_ros.trial.lies import FOUND_AT_ONCE, spoiled
from pedsam_ros.trial.processes import NAMES

pytestmark = pytest.mark.ros


@pytest.fixture
def played():
    """A loop whose workers are all ready."""
    return PlayedLoop()


def sent_by_now(played):
    """Worker -> number of windows sent to it and not answered."""
    return {name: len(link.sent) for name, link in played.links.items()}


def test_a_frame_goes_out_and_comes_back(played):
    """One step starts it, the next accepts its windows and finishes it."""
    played.arrive(stamp_ns=3)
    played.step()
    played.answer()
    played.step()
    assert [masks.key.stamp_ns for masks in played.masks] == [3]
    assert played.edge.endings == {'done': 1}


def test_the_workers_have_the_next_frame_before_this_one_is_finished(played, monkeypatch):
    """Frames are pipelined: a frame that waits is sent before the edge computes."""
    played.arrive(stamp_ns=1)
    played.step()
    played.answer()
    played.arrive(stamp_ns=2)
    sent = []
    encode = played.edge.encode

    def note_and_encode(frame):
        sent.append(list(sent_by_now(played).values()))
        return encode(frame)

    monkeypatch.setattr(played.edge, 'encode', note_and_encode)
    played.step()
    assert sent == [[7, 7, 6]]
    assert len(played.masks) == 1


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


def test_a_huge_reply_is_not_kept():
    """It does not wait for its turn in full size."""
    inbox = Inbox(NAMES, EdgeConfig(), fakes.TINY, Clock())
    inbox.on_embedding('alice', replace(fakes.any_reply(), values=bytes(10**7)))
    ((worker, reply),) = inbox.some_replies()
    assert (worker, len(reply.values)) == ('alice', 0)


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


def test_a_defect_while_starting_ends_the_frame(played):
    """The frame was taken from the inbox, so it must end."""
    played.arrive()
    played.edge.start = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        played.step()
    assert played.edge.endings == {'failed': 1}
    assert played.edge.frames_in == 1


def test_a_silent_worker_is_lost(played):
    """A frame that needs it fails at once and names it."""
    played.lose('bob')
    played.arrive()
    played.step()
    assert played.edge.endings == {'failed': 1}
    assert 'bob silent' in played.losses.reason
    assert played.state('bob') == 'silent'
    assert not any(sent_by_now(played).values())


def test_closing_ends_every_frame(played):
    """Both those in flight and those that wait."""
    played.arrive()
    played.step()
    played.arrive()
    played.loop.close()
    assert played.edge.endings == {'failed': 2}
    assert played.edge.frames_in == 2


def test_nothing_is_sent_unless_the_ledger_is_written(played):
    """A full disk ends the frame as failed; when there is space again, the next goes out."""
    played.disk_full = True
    played.arrive()
    played.step()
    assert not any(sent_by_now(played).values())
    assert played.edge.endings == {'failed': 1}
    assert 'No space left' in played.losses.reason
    played.disk_full = False
    played.arrive()
    played.step()
    assert all(sent_by_now(played).values())


def test_a_frame_that_failed_is_not_finished():
    """A frame of stale windows is complete as soon as it starts. If the disk is full then, it ends
    as failed and makes no masks."""
    played = PlayedLoop(loss=LossConfig(on_server_loss=('stale',), stale_s=100.0))
    played.arrive(stamp_ns=1)
    played.step_until_masks()
    played.lose(*NAMES)
    played.disk_full = True
    played.arrive(stamp_ns=2)
    played.step(3)
    assert played.edge.endings == {'done': 1, 'failed': 1}
    assert [masks.key.stamp_ns for masks in played.masks] == [1]


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


def test_regions_do_not_pile_up_without_a_camera(played):
    """A detector may publish for days while no frame comes."""
    for x in range(1000):
        played.loop.protect((float(x), 0.0, x + 1.0, 1.0))
        played.step()
    assert list(played.loop._inbox.regions()) == []
    assert len(played.edge.router._regions) <= 256


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


def test_a_foreign_reply_is_no_lie(played):
    """Late and double replies are the network's fault."""
    played.loop.on_embedding('alice', fakes.any_reply())
    played.step()
    assert played.state('alice') == 'usable'
    assert played.figures('alice')['rejected'] == 1


def test_an_idle_worker_that_owes_is_asked_again(played):
    """It was restarted, or the windows were lost. A worker that says it is busy is not asked."""
    played.arrive()
    played.step()
    first = sent_by_now(played)
    played.clock.now_s += 1.5  # retry_s is 1, the deadline 2
    played.beat('bob', queued=2)
    played.beat('carol')
    played.step()
    again = {name: sent_by_now(played)[name] - first[name] for name in NAMES}
    assert again == {'alice': 0, 'bob': 0, 'carol': first['carol']}


def test_a_restarted_worker_is_asked_again_at_once():
    """It names another reader, so what was sent before is lost. Others may still have theirs."""
    played = PlayedLoop(loss=LossConfig(worker_timeout_s=0.5))
    played.arrive()
    played.step()
    first = sent_by_now(played)
    played.clock.now_s += 0.6  # retry_s is 1
    played.beat('bob', reader='new')
    played.beat('carol')
    played.step()
    again = {name: sent_by_now(played)[name] - first[name] for name in NAMES}
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


def test_local_windows_are_computed_here():
    """Between the replies of workers; the masks are the same."""
    played = PlayedLoop(placement=PlacementConfig(local_windows=(0, 7)))
    played.arrive(stamp_ns=4)
    played.step_until_masks()
    assert not any(w.index in (0, 7) for link in played.links.values() for w in link.ever)
    alone = LocalPipeline(fakes.edge(), fakes.worker()).segment(fakes.frame(stamp_ns=4))
    (ours,), (theirs,) = played.masks[0].masks, alone.masks
    assert (ours.counts, ours.score) == (theirs.counts, theirs.score)


def test_a_region_holds_for_every_frame_that_arrived_under_it():
    """However long the frame waits. A region that came first is never overtaken by a frame."""
    played = PlayedLoop(regions=True, every_frame=True, region_s=1.0)
    played.lose('bob')
    played.loop.protect((0.0, 0.0, 20.0, 20.0))
    played.clock.now_s += 0.9
    played.arrive()
    played.step()
    assert played.figures()['waiting'] == 1
    played.wait(0.2)
    played.regain('bob')
    played.step_until_masks()
    assert not any(w.index == 0 for link in played.links.values() for w in link.ever)
    played.arrive()
    played.step()
    assert any(w.index == 0 for link in played.links.values() for w in link.ever)


def test_windows_of_ended_frames_are_not_computed_here():
    """So no backlog grows, and the windows of frames that still count come first."""
    local = PlacementConfig(local_windows=tuple(range(25)))
    played = PlayedLoop(placement=local, every_frame=True)
    for stamp in (1, 2):
        played.arrive(stamp_ns=stamp)
    played.step()
    assert played.edge.in_flight == 2
    played.clock.now_s += played.edge.config.deadline_s
    computed = []
    played.edge.accept = lambda *reply: computed.append(reply)
    while played.loop.step() is not None:
        pass
    assert computed == []
    assert played.edge.endings == {'late': 2}


def test_the_report_gives_each_worker_a_state_a_level_and_a_sentence():
    """Programs read `state`, people read the message."""
    played = PlayedLoop(unheard=('alice',))
    played.beat('bob', model_id='f' * 16)
    played.beat('carol', clients=0)
    played.step()
    frames, *workers = played.loop.report()
    own = played.edge.model.model_id
    assert [(part.component, part.values['state'], part.message) for part in workers] == [
        ('alice', 'not_heard_of', 'not heard of'),
        ('bob', 'wrong_model', f"model_id='{'f' * 16}', this edge has {own}"),
        ('carol', 'not_connected', 'not connected yet'),
    ]
    assert frames.message == ', '.join(f'{part.component} {part.message}' for part in workers)
    assert {part.level for part in (frames, *workers)} == {diagnostics.WARN}


def test_a_loss_is_reported_once(played):
    """The next report is about what came since; the figure `last_loss` stays."""
    played.loop.refuse('an image that cannot be read')
    assert played.message() == 'an image that cannot be read'
    assert played.message() == ''
    assert played.figures()['last_loss'] == 'an image that cannot be read'
    assert played.edge.endings == {'failed': 1}
