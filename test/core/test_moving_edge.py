"""An edge whose windows stay still in the scene."""

import numpy as np
import pytest

import fakes
from pedsam_ros.core.config import EdgeConfig, LossConfig
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.errors import ExposureError, Unavailable
from pedsam_ros.core.in_flight import Assignment
from pedsam_ros.core.kept_here import Why
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.model import loading
from pedsam_ros.core.model.monolithic import MonolithicPipeline
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.types import Frame, FrameKey
from pedsam_ros.core.windows import pixel_grid
from pedsam_ros.core.workers_file import WorkerEntry
from watched_scenes import ELSEWHERE, WORKERS, at

NAMES = {'a', 'b', 'c'}
SPARE = WorkerEntry(name='d', domain_id=4, spare=True)
ARCH = fakes.TINY
WEIGHTS = fakes.weights()
MODEL = loading.load_edge(WEIGHTS, worker_half=True)
WORKER = loading.load_worker(WEIGHTS)


def moving_edge(spares=(), rules=None, **placement):
    """An edge with three workers and a new scene."""
    config = EdgeConfig(placement=PlacementConfig(**placement), loss=rules or LossConfig())
    scene = Scene(ARCH, [*WORKERS, *spares], config.placement)
    ledger = Ledger(pixel_grid(ARCH), {})
    return Edge(MODEL, {}, config, ledger, spares, scene=scene)


def started(edge, rgb, now_s=0.0, usable=NAMES):
    """Starts a frame."""
    edge.arrive()
    return edge.start(Frame(FrameKey(int(now_s * 1e9), 'camera'), rgb), now_s, usable)


def answered(edge, assignments):
    """Computes all windows, wherever they went."""
    for each, reply in zip(
        assignments, WORKER.encode([a.window for a in assignments]), strict=True
    ):
        edge.accept(each.worker, reply)


def sent(assignments: list[Assignment]):
    """The windows that left."""
    return [each for each in assignments if each.worker != LOCAL]


def test_a_frame_that_lies_in_the_scene_is_encoded_as_in_one_piece():
    """Windows take the way over the workers, and nothing differs from the monolithic encoder."""
    edge = moving_edge()
    whole = MonolithicPipeline(ARCH, '', loading.load_monolithic(WEIGHTS).encoder, MODEL.decoder)
    for number, x in enumerate((640, 740)):
        frame, assignments = started(edge, at(x), number)
        answered(edge, assignments)
        encoded = edge.encode(frame)
        expected = whole.encode(Frame(frame.key, frame.rgb), encoded.shift)
        np.testing.assert_allclose(encoded.embedding, expected.embedding, atol=2e-2)
        edge.finish(frame, 'done')
    assert encoded.shift.offset != (0, 0)


def test_what_is_sent_must_be_written_down_first():
    """The first frame shows something new, the same frame again does not."""
    edge = moving_edge()
    started(edge, at(640))
    assert edge.scene.unsaved
    edge.scene.unsaved.clear()
    started(edge, at(640), 1.0)
    assert not edge.scene.unsaved


def test_windows_beyond_the_cap_are_computed_here():
    """And the report says why."""
    edge = moving_edge(max_coverage=0.25)
    frame, assignments = started(edge, at(640))
    assert 0 < len(sent(assignments)) < len(assignments)
    assert max(edge.scene.coverage.values()) <= 0.25
    answered(edge, assignments)
    assert edge.encode(frame).sources >= {LOCAL}
    assert edge.kept_here.shares()[Why.CAP] > 0.1


def test_a_frame_fails_if_nothing_replaces_a_window_beyond_the_cap():
    """With on_cap=fail."""
    edge = moving_edge(max_coverage=0.25, on_cap=('fail',))
    with pytest.raises(ExposureError, match='cap'):
        started(edge, at(640))
    assert not edge.scene.unsaved


def test_nothing_leaves_while_the_camera_is_lost():
    """A room that was never seen is no new scene at once."""
    edge = moving_edge(scenes_per_minute=0)
    started(edge, at(640))
    frame, assignments = started(edge, at(640, world=ELSEWHERE), 1.0)
    assert frame.laid.lost
    assert not sent(assignments)
    assert edge.kept_here.shares()[Why.SCENE_LOST] == pytest.approx(0.5)
    answered(edge, assignments)
    assert len(edge.completed) == 1


def test_a_lost_frame_fails_if_the_rules_say_so():
    """With on_cap=fail the edge computes nothing."""
    edge = moving_edge(scenes_per_minute=0, on_cap=('fail',))
    started(edge, at(640))
    with pytest.raises(ExposureError, match='lost'):
        started(edge, at(640, world=ELSEWHERE), 1.0)


def test_a_spare_stands_in_under_the_same_cap():
    """It is sent the windows of the lost worker, and its own coverage counts."""
    edge = moving_edge([SPARE])
    _, assignments = started(edge, at(640), usable={'b', 'c', 'd'})
    assert {each.worker for each in assignments} == {'b', 'c', 'd'}
    assert 0.2 < edge.scene.coverage['d'] < 0.4
    assert edge.ledger.stands_in == {'d': 'a'}
    assert edge.scene.coverage['a'] == 0


def test_a_window_that_moves_to_a_spare_is_noted():
    """Reroute asks the scene as well."""
    edge = moving_edge([SPARE])
    started(edge, at(640), usable={'a', 'b', 'c', 'd'})
    edge.scene.unsaved.clear()
    moved = edge.reroute({'b', 'c', 'd'}, 0.1)
    assert {each.worker for each in moved} == {'d'}
    assert edge.scene.unsaved
    assert edge.scene.coverage['d'] > 0.2


def test_a_stale_embedding_is_used_only_for_the_same_cell_at_the_same_place():
    """The camera stands still, and then moves by a few px."""
    edge = moving_edge(rules=LossConfig(on_server_loss=('stale', 'fail'), stale_s=60.0))
    _, assignments = started(edge, at(640))
    answered(edge, assignments)
    still, again = started(edge, at(640), 1.0, usable={'b', 'c'})
    assert still.stale
    assert {each.worker for each in again} == {'b', 'c'}
    with pytest.raises(Unavailable):
        started(edge, at(651), 2.0, usable={'b', 'c'})


def test_a_reset_forgets_the_scene():
    """Only for an operator whose workers have forgotten."""
    edge = moving_edge()
    started(edge, at(640))
    edge.scene.reset()
    assert set(edge.scene.coverage.values()) == {0.0}
    _, assignments = started(edge, at(640), 1.0)
    assert sent(assignments)


def test_what_replaces_a_window_beyond_the_cap_may_be_stale():
    """Also if a lost worker is never replaced so."""
    edge = moving_edge(
        rules=LossConfig(on_server_loss=('fail',), stale_s=60.0),
        max_coverage=0.25,
        on_cap=('stale', 'local'),
    )
    _, assignments = started(edge, at(640))
    answered(edge, assignments)
    frame, _ = started(edge, at(640), 1.0)
    assert frame.stale


def test_another_scene_uses_no_embedding_of_the_one_before():
    """Its cells begin at the same place, and show something else."""
    edge = moving_edge(rules=LossConfig(on_server_loss=('stale', 'local'), stale_s=60.0))
    _, assignments = started(edge, at(640))
    answered(edge, assignments)
    for number in range(6):
        frame, _ = started(edge, at(640, world=ELSEWHERE), 1 + number / 5, usable=set())
    assert edge.scene.totals.scenes == 2
    assert not frame.stale


def test_a_former_worker_is_no_spare_in_a_scene():
    """It has seen places of its own."""
    edge = moving_edge([SPARE])
    edge.ledger.count(['d'], 1, 0.0)
    with pytest.raises(Unavailable):
        started(edge, at(640), usable={'b', 'c', 'd'})
