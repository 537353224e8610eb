"""The edge's loop and the windows that stay on the edge: by index, or by region."""

import math

import pytest

import fakes
from loop_with_fakes import PlayedLoop
from pedsam_ros.core.model.edge_half import EdgeHalf
from pedsam_ros.core.model.local_pipeline import LocalPipeline
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.router import EVERYWHERE

pytestmark = pytest.mark.ros


def test_local_windows_are_computed_here():
    """Between the replies of workers; the masks are the same."""
    played = PlayedLoop(placement=PlacementConfig(local_windows=(0, 7)))
    played.arrive(stamp_ns=4)
    played.step_until_masks()
    assert not any(w.index in (0, 7) for link in played.links.values() for w in link.ever)
    alone = LocalPipeline(fakes.edge(), fakes.worker()).segment(fakes.frame(stamp_ns=4))
    (ours,), (theirs,) = played.masks[0].masks, alone.masks
    assert (ours.counts, ours.score) == (theirs.counts, theirs.score)


def test_a_region_holds_for_every_frame_that_arrived_under_it():
    """However long the frame waits. A region that came first is never overtaken by a frame."""
    played = PlayedLoop(regions=True, every_frame=True, region_s=1.0)
    played.lose('bob')
    played.loop.protect((0.0, 0.0, 20.0, 20.0))
    played.clock.now_s += 0.9
    played.arrive()
    played.step()
    assert played.figures()['waiting'] == 1
    played.wait(0.2)
    played.regain('bob')
    played.step_until_masks()
    assert not any(w.index == 0 for link in played.links.values() for w in link.ever)
    played.arrive()
    played.step()
    assert any(w.index == 0 for link in played.links.values() for w in link.ever)


def test_regions_do_not_pile_up_without_a_camera(played):
    """A detector may publish for days while no frame comes."""
    for x in range(1000):
        played.loop.protect((float(x), 0.0, x + 1.0, 1.0))
        played.step()
    assert list(played.loop._inbox.regions()) == []
    assert len(played.edge.router._regions) <= 256


def test_windows_of_ended_frames_are_not_computed_here():
    """So no backlog grows, and the windows of frames that still count come first."""
    local = PlacementConfig(local_windows=tuple(range(25)))
    played = PlayedLoop(placement=local, every_frame=True)
    for stamp in (1, 2):
        played.arrive(stamp_ns=stamp)
    played.step()
    assert played.edge.in_flight == 2
    played.clock.now_s += played.edge.config.deadline_s
    computed = []
    played.edge.accept = lambda *reply: computed.append(reply)
    while played.loop.step() is not None:
        pass
    assert computed == []
    assert played.edge.endings == {'late': 2}


def test_regions_do_not_pile_up_while_the_edge_computes(played):
    """Those that wait are bounded, and together they still cover all that came."""
    for x in range(1000):
        played.loop.protect((float(x), 0.0, x + 1.0, 1.0))
    played.loop.protect((math.nan, 0.0, 1.0, 1.0))
    taken = [region for region, _ in played.loop._inbox.regions()]
    assert len(taken) <= 257
    assert EVERYWHERE in taken
    others = [region for region in taken if region != EVERYWHERE]
    assert all(any(x0 <= x and x1 >= x + 1 for x0, _, x1, _ in others) for x in range(1000))


@pytest.mark.parametrize(('window_s', 'most'), [(0.01, 2), (0.6, 14)])
def test_windows_that_stay_here_do_not_starve_during_a_request(window_s, most, monkeypatch):
    """Each batch takes 1 s, each window some of that: frames are done, the request goes on."""
    played = PlayedLoop(regions=True, deadline_s=40.0)
    played.play()
    batches, decoding, compute = [], played.edge.decoding, EdgeHalf.compute

    def slow(encoded, prompts, late):
        for _ in range(40 if prompts == () else 0):
            played.pass_time(1.0)
            batches.append(1)
            yield
        return (yield from decoding(encoded, prompts or fakes.POINT))

    def slow_window(half, window):
        played.pass_time(window_s)
        return compute(half, window)

    monkeypatch.setattr(played.edge, 'decoding', slow)
    monkeypatch.setattr(EdgeHalf, 'compute', slow_window)
    told = []
    played.loop.ask((), told.append)
    played.loop.protect(EVERYWHERE)
    played.arrive(stamp_ns=2)
    played.step_until_masks(2)
    assert len(batches) <= most  # not one for each of 25 windows
    assert told == []
    played.step(50)
    assert len(told) == 1
    assert played.edge.endings == {'done': 2}


def test_the_queue_of_windows_that_stay_here_holds_only_frames_in_flight():
    """While a request is answered, and frame after frame ends late."""
    played = PlayedLoop(regions=True, deadline_s=2.0)
    played.play()

    def endless(encoded, prompts, late):
        while True:
            yield

    played.edge.decoding = endless
    played.loop.ask((), print)
    for stamp in range(20):
        played.loop.protect(EVERYWHERE)
        played.arrive(stamp_ns=10 + stamp)
        played.step()
        assert played.loop._sender.local <= 25 * played.edge.in_flight
        played.pass_time(1.0)
