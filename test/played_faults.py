"""The faults of docs/reliability.md, played on the edge's loop with links that are function calls.

Each function of PLAYED returns the loop after a fault, and how its frames must have ended.
"""

from dataclasses import replace
from enum import Enum

import numpy as np

import fakes
from loop_with_fakes import PlayedLoop
from pedsam_ros.core.config import LossConfig
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.trial.lies import FOUND_AT_ONCE, spoiled
from pedsam_ros.trial.processes import NAMES
from played_camera_faults import busy, camera, too_fast, unreadable


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
    UNREADABLE = 'an image cannot be read, or is larger than `queue_mb`'
    BUSY = 'the edge computes for longer than `worker_timeout_s`'
    CAMERA = 'the camera stops, changes its size, or its clock jumps back (a bag that loops)'
    DISK_FULL = 'the disk is full'
    EDGE_KILLED = 'the edge is killed'
    OTHER_PLACEMENT = 'the placement was changed, the ledger was not'


def not_started():
    played = PlayedLoop(unheard=('bob',))
    played.play()
    return played, {'failed': 1}


def killed():
    played = PlayedLoop()
    played.play()
    played.arrive()
    played.step()
    played.links['bob'].sent.clear()
    played.answer()
    played.lose('bob')
    played.play()
    return played, {'done': 1, 'late': 1, 'failed': 1}


def spare():
    played = PlayedLoop(('dave',))
    played.play()
    played.lose('bob')
    played.play()
    return played, {'done': 2}


def back():
    played, _ = not_started()
    played.regain('bob')
    played.play()
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
    played.play()
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
    played.play(zeros)
    assert 'differs by' in played.alarms[0]
    return played, {'failed': 1}


def absurd():
    played = PlayedLoop(transport='float32')
    huge = lambda reply: replace(reply, values=np.full(reply.shape, 3e38, '<f4').tobytes())  # noqa: E731
    played.play(huge)
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


def disk_full():
    played = PlayedLoop()
    played.disk_full = True
    played.play()
    assert not any(link.ever for link in played.links.values())
    return played, {'failed': 1}


def restarted(played, **config):
    """Another edge, with the ledger that the one before it has written."""
    before = played.edge.ledger
    edge = fakes.edge(**config)
    ledger = Ledger.from_json(before.to_json(), edge.ledger.homes, grid=before.grid)
    return PlayedLoop(ledger=ledger, **config)


def edge_killed():
    first = PlayedLoop()
    first.play()
    first.arrive()
    first.step()
    second = restarted(first)
    second.play()
    assert second.edge.ledger.share('bob') == first.edge.ledger.share('bob')
    return second, {'done': 1}


def other_placement():
    first = PlayedLoop()
    first.play()
    second = restarted(first, placement=PlacementConfig(session_key='other'))
    second.play()
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
    Row.UNREADABLE: unreadable,
    Row.BUSY: busy,
    Row.CAMERA: camera,
    Row.DISK_FULL: disk_full,
    Row.EDGE_KILLED: edge_killed,
    Row.OTHER_PLACEMENT: other_placement,
}
