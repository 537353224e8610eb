"""Bag time is mapped to the steady clock: gaps are kept, jumps of the recorder's clock are not."""

import pytest

from pedsam_ros.bags.rosbag import Record
from pedsam_ros.bags.timeline import MAX_BACK_NS, MAX_GAP_NS, Pace, timeline

pytestmark = pytest.mark.ros

S = 10**9
TODAY = 1_700_000_000 * S


def steps(*stamps: int, tick_ns: int = 0) -> tuple[list, list[str]]:
    """The steps of records with these stamps, and what was told of them."""
    told: list[str] = []
    records = [Record('/a', 'x', stamp_ns, b'') for stamp_ns in stamps]
    return list(timeline(records, tick_ns, lambda _, what: told.append(what))), told


def dues(*stamps: int, tick_ns: int = 0) -> list[int]:
    return [step.due_ns for step in steps(*stamps, tick_ns=tick_ns)[0]]


def test_ticks_lie_between_records():
    """They begin with the first record and go on through gaps; without a clock there are none."""
    ticked, told = steps(10, 12, 31, tick_ns=10)
    assert [(s.stamp_ns, s.due_ns) for s in ticked if s.record is None] == [
        *((10, 0), (20, 10), (30, 20))
    ]
    assert [s.stamp_ns for s in ticked] == [10, 10, 12, 20, 30, 31]
    assert dues(10, 12, 31) == [0, 2, 21]
    assert not told


@pytest.mark.parametrize('jump', [MAX_GAP_NS + 1, TODAY, -MAX_BACK_NS - 1, -TODAY])
def test_a_jump_of_bag_time_takes_no_time(jump):
    """The next record is due at once, the rest as recorded; topic, stamps and gap are told."""
    start = TODAY * 2
    stamps = [start, start + S, start + S + jump, start + 2 * S + jump]
    assert dues(*stamps) == [0, S, S, 2 * S]
    _, told = steps(*stamps)
    assert len(told) == 1
    for part in (f'jumps by {jump / S:.1f} s', f'from {(start + S) / S:.3f} s', 'topic=/a'):
        assert part in told[0]
    ticks = [s.stamp_ns for s in steps(*stamps, tick_ns=S)[0] if s.record is None]
    assert ticks == stamps


def test_a_first_stamp_of_zero_takes_no_time():
    """As in a bag that was begun before the first /clock: the rest is played as recorded."""
    stamps = [0, *(TODAY + i * S for i in range(5))]
    assert dues(*stamps) == [0, 0, S, 2 * S, 3 * S, 4 * S]
    assert len(steps(*stamps)[1]) == 1


def test_the_longest_gap_is_kept():
    """It may be a silent robot."""
    assert dues(0, MAX_GAP_NS) == [0, MAX_GAP_NS]
    assert steps(0, MAX_GAP_NS)[1] == []


def test_parts_of_a_bag_may_overlap_a_little():
    """A late record is due at once; neither the clock nor what follows is moved back."""
    stamps = [5 * S, 7 * S, 7 * S - MAX_BACK_NS, 8 * S]
    assert dues(*stamps) == [0, 2 * S, 2 * S, 3 * S]
    ticked, told = steps(*stamps, tick_ns=S)
    assert [s.stamp_ns for s in ticked if s.record is None] == [5 * S, 6 * S, 7 * S, 8 * S]
    assert not told


def test_negative_and_huge_stamps_are_jumps_too():
    """sqlite3 stores signed stamps, mcap 64 bits."""
    assert dues(-(2**63), -(2**63) + S, 0, 2**64 - 1) == [0, S, S, S]


def test_waiting_ends_when_stopped():
    """Also where the next record is due in a year."""
    answers = iter([False, False, True])
    assert not Pace(1.0, lambda: next(answers)).wait_for(TODAY)
    assert Pace(1.0, lambda: False).wait_for(0)
    assert not Pace(1.0, lambda: True).wait_for(0)
