"""A frame's life on the edge: it takes checked replies and ends once."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

import fakes
from fakes import ALL
from pedsam_ros.core.codec import TRANSPORTS
from pedsam_ros.core.edge import Edge
from pedsam_ros.core.errors import BadBatch, BadReply
from pedsam_ros.core.model import preprocess
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.pictures import binary
from pedsam_ros.core.placement import windows_by_worker
from pedsam_ros.trial.lies import FOUND_AT_ONCE, Lie, spoiled


def finished(edge, frame):
    """The masks of a frame whose windows honest workers answered."""
    edge.arrive()
    _, assignments = edge.start(frame, 0.0, ALL)
    for worker, reply in fakes.replies(assignments):
        assert not edge.completed
        edge.accept(worker, reply)
    complete = edge.completed.popleft()
    answer = edge.decode(edge.encode(complete), fakes.POINT)
    edge.finish(complete, 'done')
    return answer.masks


def test_a_frame_becomes_masks_with_the_cameras_header():
    """The masks also have the camera's size."""
    edge, frame = fakes.edge(), fakes.frame(stamp_ns=123)
    masks = finished(edge, frame)
    assert masks.key == frame.key
    assert (masks.height, masks.width) == frame.rgb.shape[:2]
    assert binary(masks.masks[0], 96, 128).shape == (96, 128)
    assert edge.endings == {'done': 1}
    assert edge.in_flight == 0


@pytest.mark.parametrize(
    'size', [(96, 128), (128, 96), (90, 160), (77, 131), (288, 288), (7, 300)]
)
def test_the_way_over_workers_gives_sams_own_masks(size):
    """Cutting a frame into windows, encoding each alone, carrying them as float32 and merging them
    gives what SAM's reordered encoder gives on the whole frame."""
    edge, frame = fakes.edge(transport='float32'), fakes.frame(*size)
    edge.arrive()
    started, assignments = edge.start(frame, 0.0, ALL)
    for worker, reply in fakes.replies(assignments):
        edge.accept(worker, reply)
    ours = edge.encode(started)
    content = preprocess.resize(frame.rgb, ours.canvas.content)
    content = torch.from_numpy(content).permute(2, 0, 1).float()
    sam = fakes.reference(fakes.weights(), torch.float32)
    with torch.inference_mode():
        whole = sam.image_encoder(sam.preprocess(content)[None])
    assert (ours.embedding - whole).abs().max() < 1e-4


def test_each_window_goes_to_its_home_and_nowhere_else():
    """For the whole session, whatever the frame's size. Canvas padding goes to nobody."""
    edge = fakes.edge()
    for size in ((96, 128), (128, 96), (288, 288)):
        _, assignments = edge.start(fakes.frame(*size), 0.0, ALL)
        assert all(edge.ledger.homes[a.window.index] == a.worker for a in assignments)
    by_worker = windows_by_worker(edge.ledger.homes, range(25))
    workers = edge.ledger.workers.items()
    assert {name: sorted(seen.windows) for name, seen in workers} == by_worker


def test_request_ids_tell_nothing():
    """Each is fresh and random: no two runs share one, and no id follows from another."""
    ids = [
        assignment.window.request_id
        for _ in range(3)
        for assignment in fakes.edge().start(fakes.frame(), 0.0, ALL)[1]
    ]
    assert len(set(ids)) == len(ids) == 60
    assert len({b - a for a, b in itertools.pairwise(ids)}) > 50


@pytest.mark.parametrize('lie', [*FOUND_AT_ONCE, Lie.REQUEST])
def test_a_wrong_reply_is_refused_and_changes_nothing(lie):
    """The right reply still counts afterwards."""
    edge = fakes.edge()
    edge.arrive()
    started, assignments = edge.start(fakes.frame(), 0.0, ALL)
    answers = fakes.replies(assignments)
    worker, good = answers[0]
    with pytest.raises(BadBatch):
        edge.accept(worker, spoiled(good, lie))
    assert started.tokens == {}
    for honest, right in answers:
        edge.accept(honest, right)
    assert list(edge.completed) == [started]


def test_a_reply_from_another_worker_is_refused():
    """Even if it has the right request id."""
    edge = fakes.edge()
    _, assignments = edge.start(fakes.frame(), 0.0, ALL)
    worker, reply = fakes.replies(assignments)[0]
    other = next(name for name in ('alice', 'bob') if name != worker)
    with pytest.raises(BadBatch, match=f'{other}: answered'):
        edge.accept(other, reply)


def test_a_double_reply_changes_nothing():
    """The second is refused, whatever it says."""
    edge = fakes.edge()
    started, assignments = edge.start(fakes.frame(), 0.0, ALL)
    worker, reply = fakes.replies(assignments)[0]
    edge.accept(worker, reply)
    kept = started.tokens[reply.index].copy()
    with pytest.raises(BadBatch, match='not open'):
        edge.accept(worker, reply)
    assert (started.tokens[reply.index] == kept).all()


def test_a_late_reply_is_refused_and_the_frame_ended_late():
    """After the deadline the edge remembers nothing about the frame."""
    edge = fakes.edge(deadline_s=1.0)
    edge.arrive()
    _, assignments = edge.start(fakes.frame(stamp_ns=7), 10.0, ALL)
    answers = fakes.replies(assignments)
    for worker, reply in answers[:-1]:
        edge.accept(worker, reply)
    assert edge.next_deadline_s == 11.0
    assert edge.expire(10.9) == []
    assert [key.stamp_ns for key in edge.expire(11.0)] == [7]
    with pytest.raises(BadBatch, match='not open'):
        edge.accept(*answers[-1])
    assert edge.endings == {'late': 1}
    assert (edge.in_flight, edge.next_deadline_s) == (0, None)


def test_a_complete_frame_is_not_late_while_it_waits_to_be_computed():
    """The deadline holds for the workers, not for the edge's own work."""
    edge = fakes.edge(deadline_s=1.0)
    _, assignments = edge.start(fakes.frame(), 0.0, ALL)
    for worker, reply in fakes.replies(assignments):
        edge.accept(worker, reply)
    assert edge.expire(100.0) == []


def test_frames_in_flight_do_not_mix():
    """Replies come in any order; each frame gets its own."""
    edge, frames = fakes.edge(), [fakes.frame(seed=i, stamp_ns=i) for i in range(3)]
    started = [edge.start(frame, 0.0, ALL) for frame in frames]
    answers = [reply for _, assignments in started for reply in fakes.replies(assignments)]
    for worker, reply in reversed(answers):
        edge.accept(worker, reply)
    for (in_flight, _), frame in zip(started, frames, strict=True):
        alone = finished(fakes.edge(), frame)
        together = edge.decode(edge.encode(in_flight), fakes.POINT).masks
        assert together.key == alone.key
        assert together.masks[0].counts == alone.masks[0].counts


def test_an_abandoned_edge_has_nothing_in_flight():
    """Deactivation ends such frames as failed, also one whose masks are being made."""
    edge = fakes.edge()
    edge.arrive()
    started, _ = edge.start(fakes.frame(), 0.0, ALL)
    started.finishing = iter([None])
    edge.abandon()
    assert edge.endings == {'failed': 1}
    assert started.finishing is None
    assert edge.in_flight == 0


def test_a_new_prompt_needs_no_new_encoding():
    """`last` stays, and a bad prompt does not harm it."""
    edge = fakes.edge()
    finished(edge, fakes.frame())
    first = edge.last
    bad = edge.decode(edge.last, fakes.prompt(999.0, 5.0))
    assert (bad.masks.masks, [each.prompt for each in bad.refused]) == ((), [0])
    good = edge.decode(edge.last, fakes.prompt(60.0, 50.0))
    assert (len(good.masks.masks), good.refused) == (1, ())
    assert edge.last is first


def test_no_worker_sees_more_than_its_lattice_share():
    """However many frames come."""
    edge = fakes.edge()
    for i in range(20):
        edge.start(fakes.frame(seed=i), 0.0, ALL)
    shares = [edge.ledger.share(name) for name in ALL]
    assert sum(shares) == pytest.approx(1)
    assert max(shares) < 0.36


@pytest.mark.parametrize('transport', TRANSPORTS)
def test_the_local_pipeline_takes_the_same_way(transport):
    """It includes the codec, so it gives the masks of replies over the wire to the last bit."""
    edge = fakes.edge(transport=transport)
    local = LocalPipeline(fakes.edge(transport=transport), fakes.worker())
    frame = fakes.frame()
    ours, theirs = local.segment(frame).masks[0], finished(edge, frame).masks[0]
    assert (ours.counts, ours.score) == (theirs.counts, theirs.score)


def test_edges_share_no_state():
    """Two edges on one model do not see each other's requests."""
    one, other = fakes.edge(), fakes.edge()
    assert isinstance(one, Edge)
    _, assignments = one.start(fakes.frame(), 0.0, ALL)
    with pytest.raises(BadBatch, match='not open'):
        other.accept(*fakes.replies(assignments)[0])


def test_finite_but_absurd_embeddings_make_no_masks():
    """A hostile worker's huge numbers end the frame. The last good frame stays."""
    edge = fakes.edge(transport='float32')
    finished(edge, fakes.frame())
    good = edge.last
    started, assignments = edge.start(fakes.frame(seed=1), 0.0, ALL)
    for worker, reply in fakes.replies(assignments):
        huge = np.full(reply.shape, 3e38, '<f4').tobytes()
        edge.accept(worker, replace(reply, values=huge))
    with pytest.raises(BadReply, match='NaN or infinite'):
        edge.encode(started)
    assert edge.last is good


@pytest.mark.parametrize('encode_s', [float('nan'), float('inf'), -1.0])
def test_absurd_times_of_a_worker_are_refused(encode_s):
    """They would spoil the figures in /diagnostics."""
    edge = fakes.edge()
    _, assignments = edge.start(fakes.frame(), 0.0, ALL)
    worker, reply = fakes.replies(assignments)[0]
    with pytest.raises(BadBatch, match='not a time'):
        edge.accept(worker, replace(reply, encode_s=encode_s))
