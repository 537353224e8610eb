"""Every row of docs/reliability.md: how its frame ends, and that nobody sees more because of it.

Here links are function calls. Tests that take real processes, networks and disks are in
test/system.
"""

import re
from dataclasses import replace
from enum import Enum
from pathlib import Path

import numpy as np
import pytest

import fakes
from loop_with_fakes import PlayedLoop
from pedsam_ros.core.config import LossConfig, PlacementConfig
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.trial.lies import FOUND_AT_ONCE, spoiled
from pedsam_ros.trial.processes import NAMES

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


def play(played, spoil=lambda reply: reply, **frame):
    """One frame, answered by all."""
    played.arrive(**frame)
    played.step()
    played.answer(spoil)
    played.step(5)


def not_started():
    played = PlayedLoop(unheard=('bob',))
    play(played)
    return played, {'failed': 1}


def killed():
    played = PlayedLoop()
    play(played)
    played.arrive()
    played.step()
    played.links['bob'].sent.clear()
    played.answer()
    played.lose('bob')
    play(played)
    return played, {'done': 1, 'late': 1, 'failed': 1}


def spare():
    played = PlayedLoop(('dave',))
    play(played)
    played.lose('bob')
    play(played)
    return played, {'done': 2}


def back():
    played, _ = not_started()
    played.regain('bob')
    play(played)
    return played, {'failed': 1, 'done': 1}


def hangs():
    played = PlayedLoop()
    played.arrive()
    played.step()
    played.answer(who='alice')
    played.wait(played.edge.config.deadline_s)
    played.answer()
    played.step()
    return played, {'late': 1}


def other_weights():
    played = PlayedLoop()
    played.beat('bob', model_id='another')
    played.step()
    play(played)
    assert not any(link.ever for link in played.links.values())
    return played, {'failed': 1}


def garbage():
    played = PlayedLoop()
    for lie in FOUND_AT_ONCE:
        played.arrive()
        played.step()
        played.answer(who='alice')
        played.answer(lambda reply: spoiled(reply, lie), who='bob')  # noqa: B023
        played.step()
        played.links['carol'].sent.clear()
        played.wait(played.edge.config.deadline_s)
        played.loop.release('bob')
    return played, {'late': len(FOUND_AT_ONCE)}


def wrong():
    played = PlayedLoop(loss=LossConfig(audit_rate=1.0))
    zeros = lambda reply: replace(reply, values=bytes(len(reply.values)))  # noqa: E731
    play(played, zeros)
    assert 'differs by' in played.alarms[0]
    return played, {'failed': 1}


def absurd():
    played = PlayedLoop(transport='float32')
    huge = lambda reply: replace(reply, values=np.full(reply.shape, 3e38, '<f4').tobytes())  # noqa: E731
    play(played, huge)
    assert 'NaN or infinite' in played.alarms[0]
    return played, {'failed': 1}


def stray():
    played = PlayedLoop()
    played.arrive()
    played.step()
    twice = {name: list(link.sent) for name, link in played.links.items()}
    played.answer()
    played.loop.on_embedding('bob', fakes.any_reply())
    for name, windows in twice.items():
        played.links[name].sent = windows
    played.answer()
    played.step(3)
    assert sum(played.losses.rejected.values()) == 21
    return played, {'done': 1}


def flood():
    played = PlayedLoop()
    played.arrive()
    played.step()
    for _ in range(1000):
        played.loop.on_embedding('carol', fakes.any_reply())
    while played.loop.step() == 0.0:  # there is more to do
        pass
    assert played.figures('carol')['rejected'] == 1000
    assert played.losses.rejected['carol'] <= 256
    played.answer()
    played.step(3)
    return played, {'done': 1}


def bad_link():
    played = PlayedLoop()
    played.arrive()
    played.step()
    for name in reversed(NAMES):
        played.answer(who=name)
        played.step()
    played.step()
    return played, {'done': 1}


def too_fast():
    played = PlayedLoop(max_in_flight=1)
    for stamp in range(1, 6):
        played.arrive(stamp_ns=stamp)
        played.step()
    for _ in range(6):
        played.answer()
        played.step()
    assert [masks.key.stamp_ns for masks in played.masks] == [1, 5]
    return played, {'done': 2, 'superseded': 3}


def camera():
    played = PlayedLoop()
    for stamp, size in ((9, (96, 128)), (1, (128, 96)), (10, (90, 160))):
        play(played, stamp_ns=stamp, height=size[0], width=size[1])
        assert played.masks[-1].key.stamp_ns == stamp
    return played, {'done': 3}


def disk_full():
    played = PlayedLoop()
    played.disk_full = True
    play(played)
    assert not any(link.ever for link in played.links.values())
    return played, {'failed': 1}


def restarted(played, **config):
    """Another edge, with the ledger that the one before it has written."""
    before = played.edge.ledger
    edge = fakes.edge(**config)
    ledger = Ledger.from_json(before.to_json(), edge.router.homes, grid=before.grid)
    return PlayedLoop(ledger=ledger, **config)


def edge_killed():
    first = PlayedLoop()
    play(first)
    first.arrive()
    first.step()
    second = restarted(first)
    play(second)
    assert second.edge.ledger.share('bob') == first.edge.ledger.share('bob')
    return second, {'done': 1}


def other_placement():
    first = PlayedLoop()
    play(first)
    second = restarted(first, placement=PlacementConfig(session_key='other'))
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
    Row.CUT: killed,  # the edge sees no difference
    Row.SHORT_CUT: bad_link,  # replies come late and out of order, but they come
    Row.BAD_LINK: bad_link,
    Row.TOO_FAST: too_fast,
    Row.CAMERA: camera,
    Row.DISK_FULL: disk_full,
    Row.EDGE_KILLED: edge_killed,
    Row.OTHER_PLACEMENT: other_placement,
}


def is_right(masks):
    """Whether the masks are those that one process makes of a frame of that size."""
    shown = fakes.frame(masks.height, masks.width)
    (wanted,) = LocalPipeline(fakes.edge(), fakes.worker()).segment(shown).masks
    (found,) = masks.masks
    return (found.counts, found.score) == (wanted.counts, wanted.score)


@pytest.mark.parametrize('row', Row)
def test_a_fault_ends_its_frame_as_the_table_says(row):
    """Each frame ends once, with right masks or without masks; each window was seen by nobody but
    its home and the home's spare."""
    played, endings = PLAYED[row]()
    edge = played.edge
    assert dict(edge.endings) == endings
    assert sum(endings.values()) + edge.in_flight == edge.frames_in
    assert len(played.masks) == endings.get('done', 0)
    assert all(map(is_right, played.masks))
    homes, stands_in = edge.router.homes, edge.ledger.stands_in
    for name, link in played.links.items():
        assert {homes[window.index] for window in link.ever} <= {stands_in.get(name, name)}


def test_the_table_has_these_rows():
    """A row that nobody plays would be a mere claim."""
    rows = re.findall(r'^\| ([^|]+?) \|.*`test_', TABLE.read_text(), re.MULTILINE)
    assert rows == [row.value for row in Row]
