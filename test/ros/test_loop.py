"""The edge's loop between links and core: how frames go, end, and are counted.

Here, and in test_loop_lost.py, test_loop_replies.py and test_loop_kept.py, links are function
calls.
"""

import pytest

import fakes
from loop_with_fakes import PlayedLoop
from pedsam_ros.core.config import LossConfig
from pedsam_ros.ros import diagnostics
from pedsam_ros.trial.processes import NAMES

pytestmark = pytest.mark.ros


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
        sent.append(list(played.unanswered().values()))
        return encode(frame)

    monkeypatch.setattr(played.edge, 'encode', note_and_encode)
    played.step()
    assert sent == [[7, 7, 6]]
    assert len(played.masks) == 1


def test_a_defect_while_starting_ends_the_frame(played):
    """The frame was taken from the inbox, so it must end."""
    played.arrive()
    played.edge.start = lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        played.step()
    assert played.edge.endings == {'failed': 1}
    assert played.edge.frames_in == 1


def test_nothing_is_sent_unless_the_ledger_is_written(played):
    """A full disk ends the frame as failed; when there is space again, the next goes out."""
    played.disk_full = True
    played.arrive()
    played.step()
    assert not any(played.unanswered().values())
    assert played.edge.endings == {'failed': 1}
    assert 'No space left' in played.losses.reason
    played.disk_full = False
    played.arrive()
    played.step()
    assert all(played.unanswered().values())


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


def test_closing_ends_every_frame(played):
    """Both those in flight and those that wait."""
    played.arrive()
    played.step()
    played.arrive()
    played.loop.close()
    assert played.edge.endings == {'failed': 2}
    assert played.edge.frames_in == 2


@pytest.mark.parametrize('every_frame', [False, True])
@pytest.mark.parametrize('moment', ['frame', 'arrivals'])
@pytest.mark.parametrize('when', ['before', 'after'])
def test_a_frame_that_comes_while_the_loop_closes_is_not_lost(
    monkeypatch, every_frame, moment, when
):
    """Whatever `close` asks the inbox for, a frame may come just before or just after."""
    played = PlayedLoop(every_frame=every_frame)
    played.arrive()
    played.step()
    played.arrive()
    inbox = played.loop._inbox
    ask, asked = getattr(inbox, moment), []

    def ask_while_a_frame_comes():
        asked.append(moment)
        if when == 'before' and len(asked) <= 3:
            played.arrive()
        answer = ask()
        if when == 'after' and len(asked) <= 3:
            played.arrive()
        return answer

    monkeypatch.setattr(inbox, moment, ask_while_a_frame_comes)
    played.loop.close()
    monkeypatch.undo()
    assert asked
    assert sum(played.edge.endings.values()) == played.edge.frames_in
    assert played.all_are_in_the_report_once()


def test_the_report_counts_every_frame_once(played):
    """As ended, in flight or waiting: at each step, and right after frames were offered."""
    assert played.all_are_in_the_report_once()
    for stamp in (1, 2):
        played.arrive(stamp_ns=stamp)
    assert played.figures()['frames_in'] == 2
    assert played.all_are_in_the_report_once()
    while not played.masks:
        played.step()
        assert played.all_are_in_the_report_once()
        played.answer()
        assert played.all_are_in_the_report_once()
    played.lose('bob')
    played.arrive()
    played.step()
    assert played.all_are_in_the_report_once()
    played.loop.close()
    assert played.all_are_in_the_report_once()
    assert (played.figures()['in_flight'], played.figures()['waiting']) == (0, 0)


def test_the_report_counts_frames_that_every_frame_keeps_waiting():
    """One is held for a worker that it needs, and the others wait behind it."""
    played = PlayedLoop(every_frame=True)
    played.lose('bob')
    for stamp in (1, 2, 3):
        played.arrive(stamp_ns=stamp)
        assert played.all_are_in_the_report_once()
    played.step()
    played.arrive(stamp_ns=4)
    assert (played.figures()['frames_in'], played.figures()['waiting']) == (4, 4)
    assert played.all_are_in_the_report_once()


NOT_CONNECTED = 'not connected yet (do keys differ, or is one end insecure?)'


def test_a_worker_that_reads_and_does_not_answer_is_named():
    """It starts, or it has other keys; so an operator does not look for a network fault."""
    played = PlayedLoop(unheard=('alice',))
    played.links['alice'].read = True
    assert (played.state('alice'), played.message('alice')) == ('not_connected', NOT_CONNECTED)


def test_a_worker_much_slower_than_the_others_is_named():
    """By the edge's own clock, whatever its heartbeats claim."""
    played = PlayedLoop()
    for stamp in range(1, 8):
        played.arrive(stamp_ns=stamp)
        played.step()
        played.answer(who='alice')
        played.answer(who='carol')
        played.step()
        played.pass_time(0.5)
        played.answer(who='bob')
        played.step(5)
    assert (played.message('alice'), played.message('carol')) == ('', '')
    assert played.message('bob') == 'slow: 0.5 s for an answer, others 0 s'
    assert played.state('bob') == 'usable'


def test_the_report_gives_each_worker_a_state_a_level_and_a_sentence():
    """Programs read `state`, people read the message."""
    played = PlayedLoop(unheard=('alice',))
    played.beat('bob', model_id='f' * 16)
    played.links['carol'].session = False
    played.step()
    frames, *workers = played.loop.report()
    own = played.edge.model.model_id
    assert [(part.component, part.values['state'], part.message) for part in workers] == [
        ('alice', 'not_heard_of', 'not heard of'),
        ('bob', 'wrong_model', f"model_id='{'f' * 16}', this edge has {own}"),
        ('carol', 'not_connected', NOT_CONNECTED),
    ]
    assert frames.message == ', '.join(f'{part.component} {part.message}' for part in workers)
    assert {part.level for part in (frames, *workers)} == {diagnostics.WARN}


def test_a_loss_is_reported_once(played):
    """The next report is about what came since; the figure `last_loss` stays."""
    played.arrive(stamp_ns=5, unreadable=True)
    played.step()
    lost = 'stamp_ns=5 failed: it cannot be read'
    assert [played.message(), played.message()] == [lost, '']
    assert played.figures()['last_loss'] == lost
    assert played.edge.endings == {'failed': 1}


def test_workers_with_another_codec_get_no_window_and_no_blame():
    """They are used as soon as they have this edge's."""
    played = PlayedLoop(transport='codec')
    played.beat('bob', codec_id=fakes.codec(1).id)
    played.arrive(stamp_ns=1)
    played.step()
    assert {played.state(name) for name in NAMES} == {'wrong_codec'}
    assert not any(played.unanswered().values())
    for name in NAMES:
        played.beat(name, codec_id=fakes.codec().id)
    played.arrive(stamp_ns=2)
    played.step()
    assert {played.state(name) for name in NAMES} == {'usable'}
    assert all(played.unanswered().values())
