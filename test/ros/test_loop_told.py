"""What the edge's loop tells of its frames: rates in the report, events in the debug log."""

import pytest

from loop_with_fakes import PlayedLoop

pytestmark = pytest.mark.ros


def test_the_report_has_the_rates_of_frames(played):
    """In and out, over the last seconds."""
    played.figures()
    for second in range(1, 9):
        played.clock.now_s += 1.0
        played.pass_time(0.0)
        played.arrive(stamp_ns=second)
        played.arrive(stamp_ns=second)
        played.step_until_masks(second)
        figures = played.figures()
        assert (figures['in_hz'], figures['out_hz']) == (2.0, 1.0)
    played.clock.now_s += 5.0
    assert played.figures()['in_hz'] == 0.0


def test_the_debug_log_tells_what_becomes_of_each_frame():
    """A line for each event, with the frame's key; none without debug."""
    played = PlayedLoop(max_in_flight=1)
    played.play(stamp_ns=1)
    assert played.lines == []
    played.debug = True
    played.arrive(stamp_ns=2)
    played.step()
    played.arrive(stamp_ns=3)
    played.arrive(stamp_ns=4, unreadable=True)
    played.clock.now_s += 0.5
    played.answer()
    played.step(3)
    told = [dict(pair.split('=') for pair in line.split()) for line in played.lines]
    assert [(line['stamp_ns'], line['event'], line.get('ending')) for line in told] == [
        ('2', 'arrived', None),
        ('2', 'started', None),
        ('3', 'arrived', None),
        ('4', 'arrived', None),
        ('3', 'ended', 'superseded'),
        ('2', 'ended', 'done'),
        ('4', 'ended', 'failed'),
    ]
    assert {line['frame_id'] for line in told} == {'camera'}
    assert told[-1]['total_s'] == told[-2]['total_s'] == '0.5'
