"""When each message of a bag is due: bag time without its jumps, mapped to the steady clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from pedsam_ros.bags.rosbag import Record

MAX_GAP_NS = 3600 * 10**9  # a longer one comes from a clock that was set, not from a silent robot
MAX_BACK_NS = 10**9  # files of a split bag may overlap by less
_NAP_S = 0.1  # longest wait before looking at `stopped` again


class Step(NamedTuple):
    """What is due at a moment: a message, or else a tick of the clock."""

    due_ns: int  # since the first message, at the recorded speed, without jumps of bag time
    stamp_ns: int  # bag time
    record: Record | None


def timeline(
    records: Iterable[Record], tick_ns: int, remark: Callable[[str, str], None]
) -> Iterator[Step]:
    """Yields a step for each record, and for each tick of the clock.

    Ticks are `tick_ns` of bag time apart and begin with the first record; 0 means no clock. Where
    bag time jumps, by more than an hour or back by more than a second, the next record is due at
    once, ticks begin again with it, and `remark` is told.
    """
    due_ns, last_ns, next_tick_ns = 0, None, 0
    for record in records:
        stamp_ns = record.stamp_ns
        gap_ns = 0 if last_ns is None else stamp_ns - last_ns
        jumps = not -MAX_BACK_NS <= gap_ns <= MAX_GAP_NS
        if jumps:
            remark(
                'bag time',
                f'jumps by {gap_ns / 1e9:.1f} s, from {(last_ns or 0) / 1e9:.3f} s to '
                f'{stamp_ns / 1e9:.3f} s (topic={record.topic}): played on at once',
            )
        if jumps or last_ns is None:
            gap_ns, last_ns, next_tick_ns = 0, stamp_ns, stamp_ns
        elif gap_ns < 0:  # where two files of a bag meet
            yield Step(due_ns, stamp_ns, record)
            continue
        while tick_ns and next_tick_ns <= stamp_ns:
            yield Step(due_ns + next_tick_ns - last_ns, next_tick_ns, None)
            next_tick_ns += tick_ns
        due_ns, last_ns = due_ns + gap_ns, stamp_ns
        yield Step(due_ns, stamp_ns, record)


class Pace:
    """Waits on the steady clock, from its making on, until moments of a timeline are due.

    What is late does not delay what follows.
    """

    def __init__(self, rate: float, stopped: Callable[[], bool]) -> None:
        self._rate, self._stopped = rate, stopped
        self._start_ns = time.monotonic_ns()

    def wait_for(self, due_ns: float) -> bool:
        """Sleeps until `due_ns` (at the recorded speed); returns False if stopped before."""
        due_ns = self._start_ns + due_ns / self._rate
        while not self._stopped():
            left_s = (due_ns - time.monotonic_ns()) * 1e-9
            if left_s <= 0:
                return True
            time.sleep(min(left_s, _NAP_S))
        return False
