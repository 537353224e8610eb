"""Audits find wrong answers; what a distrusted worker has answered is no longer used."""

from dataclasses import replace

import numpy as np
import pytest

import fakes
from fakes import ALL, WITHOUT_BOB, loss, settle
from pedsam_ros.core.codec import TRANSPORTS
from pedsam_ros.core.config import LossConfig
from pedsam_ros.core.errors import BadReply, Unavailable


def audited(tolerance=0.05, **config):
    rules = LossConfig(audit_rate=1.0, audit_tolerance=tolerance)
    return fakes.edge(loss=rules, **config)


@pytest.mark.parametrize('transport', TRANSPORTS)
def test_an_honest_worker_passes_every_audit(transport):
    """However embeddings travel."""
    edge = audited(transport=transport)
    for seed in range(4):
        started, assignments = edge.start(fakes.frame(seed=seed), 0.0, ALL)
        settle(edge, assignments)
        edge.audit(started)


def test_an_audit_finds_a_worker_that_makes_things_up():
    """Its values are finite, have the right shape, and are wrong."""
    edge = audited(transport='float32', chance=lambda: 0.0)
    started, assignments = edge.start(fakes.frame(), 0.0, ALL)
    for worker, reply in fakes.replies(assignments):
        values = np.frombuffer(reply.values, '<f4') * (1.5 if worker == 'alice' else 1)
        edge.accept(worker, replace(reply, values=values.astype('<f4').tobytes()))
    with pytest.raises(BadReply, match='alice: window=0 computed again'):
        edge.audit(started)


def test_stale_answers_of_a_distrusted_worker_count_as_its_own():
    """A frame that uses them fails, and the frame that was encoded last is forgotten."""
    edge = fakes.edge(loss=loss('stale'))
    started, assignments = edge.start(fakes.frame(), 0.0, ALL)
    settle(edge, assignments)
    edge.encode(edge.completed.popleft())
    edge.finish(started, 'done')
    _, assignments = edge.start(fakes.frame(seed=1), 0.5, WITHOUT_BOB)
    settle(edge, assignments)
    assert len(edge.completed) == 1
    edge.distrust('bob')
    assert (len(edge.completed), edge.in_flight, edge.last) == (0, 0, None)
    assert edge.endings == {'done': 1, 'failed': 1}


def test_frames_with_answers_of_a_distrusted_worker_fail():
    """Whether complete or not. Its embeddings are not used as stale; other frames go on."""
    edge = fakes.edge(loss=loss('stale'))
    for seed in range(3):
        _, assignments = edge.start(fakes.frame(seed=seed), 0.0, ALL)
        settle(edge, assignments if seed == 0 else assignments[:seed])
    edge.start(fakes.frame(seed=9), 0.0, ALL)
    edge.distrust('alice')
    assert edge.endings == {'failed': 3}
    assert not edge.completed
    assert edge.in_flight == 1
    with pytest.raises(Unavailable):
        edge.start(fakes.frame(), 0.0, ALL - {'alice'})
