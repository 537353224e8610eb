"""Every row of docs/reliability.md: how its frame ends, and that nobody sees more for it.

What takes real processes, networks and disks is in test/system; here links are function calls.
"""

import re
import time
from dataclasses import replace
from enum import Enum
from pathlib import Path

import numpy as np
import pytest

import fakes
from loop_with_fakes import NAMES, answer, arrive, lose, make_loop, regain
from pedsam_ros.core.config import LossConfig, PlacementConfig
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.trial.lies import FOUND_AT_ONCE, spoiled

pytestmark = pytest.mark.ros
TABLE = Path(__file__).resolve().parents[2] / 'docs' / 'reliability.md'


class Row(Enum):
    """The first column of the table."""

    NOT_STARTED = 'a worker has not started'
    KILLED = 'a worker is killed'
    SPARE = '... and a spare is there'
    BACK = '... and comes back'
    HANGS = 'a worker hangs, or is slow'
    OTHER_WEIGHTS = 'a worker comes back with other weights'
    GARBAGE = 'a reply is NaN, of a wrong shape, size, type, window or model'
    WRONG = 'a reply is finite and wrong'
    ABSURD = 'finite but absurd values'
    STRAY = 'a reply twice, late, or never asked for'
    FLOOD = 'a worker floods the edge'
    CUT = 'the network to a worker is cut'
    SHORT_CUT = '... is cut for a moment'
    BAD_LINK = '... loses, delays or reorders packets'
    TOO_FAST = 'the camera is too fast'
    CAMERA = 'the camera stops, changes its size, or its clock jumps back (a bag that loops)'
    DISK_FULL = 'the disk is full'
    EDGE_KILLED = 'the edge is killed'
    OTHER_PLACEMENT = 'the placement was changed, the ledger was not'


def play(loop, spoil=lambda reply: reply, **frame):
    """One frame, answered by all."""
    arrive(loop, **frame)
    loop.step()
    answer(loop, spoil)
    for _ in range(5):
        loop.step()


def not_started():
    loop = make_loop()
    del loop.health._heard['bob']
    play(loop)
    return loop, {'failed': 1}


def killed():
    loop = make_loop()
    play(loop)
    arrive(loop)
    loop.step()
    lose(loop, 'bob')
    loop.links['bob'].sent.clear()
    answer(loop)
    loop.step()
    loop.edge.expire(1e12)
    play(loop)
    return loop, {'done': 1, 'late': 1, 'failed': 1}


def spare():
    loop = make_loop(('dave',))
    play(loop)
    lose(loop, 'bob')
    play(loop)
    return loop, {'done': 2}


def back():
    loop, _ = not_started()
    regain(loop, 'alice')
    loop.health.heard('bob', loop.health.status('alice'), time.monotonic())
    play(loop)
    return loop, {'failed': 1, 'done': 1}


def hangs():
    loop = make_loop()
    arrive(loop)
    loop.step()
    answer(loop, who='alice')
    loop.step()
    loop.edge.expire(1e12)
    answer(loop)
    loop.step()
    return loop, {'late': 1}


def other_weights():
    loop = make_loop()
    loop.inbox.on_status('bob', replace(loop.health.status('bob'), model_id='another'))
    loop.step()
    play(loop)
    assert not any(link.ever for link in loop.links.values())
    return loop, {'failed': 1}


def garbage():
    loop = make_loop()
    for lie in FOUND_AT_ONCE:
        arrive(loop)
        loop.step()
        answer(loop, who='alice')
        answer(loop, lambda reply: spoiled(reply, lie), who='bob')  # noqa: B023
        loop.step()
        loop.edge.expire(1e12)
        loop.links['carol'].sent.clear()
        assert loop.health.release('bob')
    return loop, {'late': len(FOUND_AT_ONCE)}


def wrong():
    loop = make_loop(loss=LossConfig(audit_rate=1.0))
    zeros = lambda reply: replace(reply, values=bytes(len(reply.values)))  # noqa: E731
    play(loop, zeros)
    assert 'differs by' in loop.alarms[0]
    return loop, {'failed': 1}


def absurd():
    loop = make_loop(transport='float32')
    huge = lambda reply: replace(reply, values=np.full(reply.shape, 3e38, '<f4').tobytes())  # noqa: E731
    play(loop, huge)
    assert 'NaN or infinite' in loop.alarms[0]
    return loop, {'failed': 1}


def stray():
    loop = make_loop()
    arrive(loop)
    loop.step()
    twice = {name: list(link.sent) for name, link in loop.links.items()}
    answer(loop)
    loop.inbox.on_embedding('bob', fakes.any_reply())
    for name, windows in twice.items():
        loop.links[name].sent = windows
    answer(loop)
    for _ in range(3):
        loop.step()
    assert sum(loop.rejected.values()) == 21
    return loop, {'done': 1}


def flood():
    loop = make_loop()
    arrive(loop)
    loop.step()
    for _ in range(1000):
        loop.inbox.on_embedding('carol', fakes.any_reply())
    assert len(loop.inbox.replies['carol']) <= 256
    while len(loop.inbox.replies['carol']):
        loop.step()
    answer(loop)
    for _ in range(3):
        loop.step()
    return loop, {'done': 1}


def bad_link():
    loop = make_loop()
    arrive(loop)
    loop.step()
    for name in reversed(NAMES):
        answer(loop, who=name)
        loop.step()
    loop.step()
    return loop, {'done': 1}


def too_fast():
    loop = make_loop(max_in_flight=1)
    for stamp in range(1, 6):
        arrive(loop, stamp_ns=stamp)
        loop.step()
    for _ in range(6):
        answer(loop)
        loop.step()
    assert [masks.key.stamp_ns for masks in loop.masks] == [1, 5]
    return loop, {'done': 2, 'superseded': 3}


def camera():
    loop = make_loop()
    for stamp, size in ((9, (96, 128)), (1, (128, 96)), (10, (90, 160))):
        play(loop, stamp_ns=stamp, height=size[0], width=size[1])
        assert loop.masks[-1].key.stamp_ns == stamp
    return loop, {'done': 3}


def disk_full():
    loop = make_loop()

    def full():
        raise OSError(28, 'No space left on device')

    loop.sender.keep = full
    play(loop)
    assert not any(link.ever for link in loop.links.values())
    return loop, {'failed': 1}


def edge_killed():
    first = make_loop()
    play(first)
    arrive(first)
    first.step()
    second = make_loop()
    second.edge.ledger.read_json(first.edge.ledger.to_json())
    play(second)
    assert second.edge.ledger.share('bob') == first.edge.ledger.share('bob')
    return second, {'done': 1}


def other_placement():
    first = make_loop()
    play(first)
    second = make_loop(placement=PlacementConfig(session_key='other'))
    second.edge.ledger.read_json(first.edge.ledger.to_json())
    play(second)
    assert not any(link.ever for link in second.links.values())
    return second, {'failed': 1}


PLAYED = {
    Row.NOT_STARTED: not_started,
    Row.KILLED: killed,
    Row.SPARE: spare,
    Row.BACK: back,
    Row.HANGS: hangs,
    Row.OTHER_WEIGHTS: other_weights,
    Row.GARBAGE: garbage,
    Row.WRONG: wrong,
    Row.ABSURD: absurd,
    Row.STRAY: stray,
    Row.FLOOD: flood,
    Row.CUT: killed,  # all that the edge sees of it
    Row.SHORT_CUT: bad_link,  # late, out of order, and all there
    Row.BAD_LINK: bad_link,
    Row.TOO_FAST: too_fast,
    Row.CAMERA: camera,
    Row.DISK_FULL: disk_full,
    Row.EDGE_KILLED: edge_killed,
    Row.OTHER_PLACEMENT: other_placement,
}


def is_right(masks):
    """Whether they are what one process makes of a frame of that size."""
    shown = fakes.frame(masks.height, masks.width)
    (wanted,) = LocalPipeline(fakes.edge(), fakes.worker()).segment(shown).masks
    (found,) = masks.masks
    return (found.counts, found.score) == (wanted.counts, wanted.score)


@pytest.mark.parametrize('row', Row)
def test_a_fault_ends_its_frame_as_the_table_says(row):
    """Once, with right masks or none; each window has been seen by its home and its spare."""
    loop, endings = PLAYED[row]()
    assert dict(loop.edge.endings) == endings
    assert sum(endings.values()) + loop.edge.in_flight == loop.edge.frames_in
    assert len(loop.masks) == endings.get('done', 0)
    assert all(map(is_right, loop.masks))
    homes, stands_in = loop.edge.router.homes, loop.edge.ledger.stands_in
    for name, link in loop.links.items():
        assert {homes[window.index] for window in link.ever} <= {stands_in.get(name, name)}


def test_the_table_has_these_rows():
    """A row that nobody plays would be a claim."""
    rows = re.findall(r'^\| ([^|]+?) \|.*`test_', TABLE.read_text(), re.MULTILINE)
    assert rows == [row.value for row in Row]
