"""Windows that stay on the edge: by index, by region, and because a cap would be broken."""

import pytest

import fakes
from fakes import ALL, WITHOUT_BOB, by_worker, loss, settle
from pedsam_ros.core.errors import ExposureError
from pedsam_ros.core.outbound import neutral
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.router import EVERYWHERE


def test_local_windows_never_leave():
    """They are given by index; what happens to workers makes no difference."""
    edge = fakes.edge(placement=PlacementConfig(local_windows=(0, 7)), loss=loss('spare'))
    for usable in (ALL, ALL | {'dave'}):
        sent = by_worker(edge.start(fakes.frame(), 0.0, usable)[1])
        assert sent[LOCAL] == {0, 7}


def test_a_region_keeps_its_windows_here_for_a_while():
    """All windows that hold any part of it stay; afterwards they go to their homes again."""
    edge = fakes.edge(regions=True)
    edge.router.protect((40.0, 20.0, 70.0, 40.0), until_s=5.0)  # of 128x96: canvas 90..157, 45..90
    sent = by_worker(edge.start(fakes.frame(), 0.0, ALL)[1])
    assert sent[LOCAL] == {1, 2, 6, 7, 0, 5} - {0, 5}
    assert LOCAL not in by_worker(edge.start(fakes.frame(), 5.0, ALL)[1])


def test_neutral_windows_go_out_in_place_of_those_that_stay():
    """Each worker is sent as many windows as without a region, in the same order, and none shows
    more than grey."""
    edge = fakes.edge(regions=True)
    usual = edge.start(fakes.frame(), 0.0, ALL)[1]
    edge.router.protect((40.0, 20.0, 70.0, 40.0), until_s=5.0)
    started, sent = edge.start(fakes.frame(), 0.0, ALL)
    to_workers = [each for each in sent if each.worker != LOCAL]

    def transcript(assignments):
        return [(each.worker, each.window.index, each.window.pixels.shape) for each in assignments]

    assert transcript(to_workers) == transcript(usual)
    grey = [each for each in to_workers if neutral(each.window.pixels)]
    assert {each.window.index for each in grey} == by_worker(sent)[LOCAL]
    settle(edge, sent)
    assert started.complete
    assert edge.completed[-1].sources[1] == LOCAL


def test_no_neutral_window_goes_to_a_worker_that_is_not_there():
    """Nor to a home that is this edge."""
    local = PlacementConfig(local_windows=(1,))
    edge = fakes.edge(regions=True, placement=local, loss=loss('local'))
    edge.router.protect(EVERYWHERE, until_s=5.0)
    _, sent = edge.start(fakes.frame(), 0.0, WITHOUT_BOB)
    grey = [each for each in sent if each.worker != LOCAL]
    assert all(neutral(each.window.pixels) for each in grey)
    assert {each.worker for each in grey} == WITHOUT_BOB
    assert 1 not in {each.window.index for each in grey}


def test_regions_that_say_nothing_cover_everything():
    """And too many regions become one that covers them all."""
    for region in [(float('nan'), 0.0, 5.0, 5.0), EVERYWHERE]:
        edge = fakes.edge(regions=True)
        edge.router.protect(region, until_s=5.0)
        assert by_worker(edge.start(fakes.frame(), 0.0, ALL)[1]).keys() == {LOCAL}
    for number in range(1000):
        edge.router.protect((number / 10, 0.0, number / 10 + 1, 1.0), until_s=5.0)
    assert len(edge.router._regions) <= 257


def test_a_cap_that_a_frame_would_break_keeps_it_here():
    """Nothing is sent to anybody."""
    edge = fakes.edge(placement=PlacementConfig(max_share=0.36))
    edge.ledger.max_share = 0.2
    with pytest.raises(ExposureError):
        edge.start(fakes.frame(), 0.0, ALL)
    assert edge.in_flight == 0
    assert edge.ledger.workers == {}
