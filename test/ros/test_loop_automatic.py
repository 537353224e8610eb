"""The edge's loop and automatic masks: cut short at their time or number, said and counted."""

import pytest

from loop_with_fakes import PlayedLoop
from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.types import Search

pytestmark = pytest.mark.ros
ALL = {'points_per_side': 9, 'pred_iou_thresh': 0.0, 'stability_score_thresh': 0.0}


def loop(**automatic):
    """A loop without prompts, whose batches are of nine points."""
    config = AutomaticConfig(**ALL, points_per_batch=9, box_nms_thresh=1.0, **automatic)
    return PlayedLoop(points=(), automatic=config)


@pytest.mark.parametrize('search', ['coarse_to_fine', 'grid'])
def test_masks_that_are_not_all_found_in_time_are_published_as_far_as_they_are(search):
    """The masks say so, and /diagnostics counts it. The time begins with the search."""
    played = loop(search=search, within_s=1.5)
    played.arrive()
    played.step()
    played.answer()
    played.step()
    assert played.masks == []
    played.clock.now_s += 1.4
    played.step()
    assert played.masks == []
    played.clock.now_s += 0.2
    played.step()
    (masks,) = played.masks
    assert masks.search is Search.LATE
    assert 0 < len(masks.masks) <= 3 * 2 * 9
    figures = played.figures()
    assert (figures['searches_late'], figures['searches_full'], figures['done']) == (1, 0, 1)
    assert 'automatic.within_s' in figures['last_loss']


def test_more_masks_than_may_be_are_left_out():
    """The masks say so, and /diagnostics counts it."""
    played = loop(max_masks=4)
    played.play()
    while not played.masks:
        played.step()
    (masks,) = played.masks
    assert (len(masks.masks), masks.search) == (4, Search.FULL)
    assert played.figures()['searches_full'] == 1
    assert 'automatic.max_masks' in played.figures()['last_loss']


def test_a_request_for_automatic_masks_ends_in_time_too():
    """Its time begins when its turn comes. The answer is no refusal."""
    played = PlayedLoop(automatic=AutomaticConfig(**ALL, points_per_batch=9, within_s=1.0))
    played.play()
    outcomes = []
    played.loop.ask((), outcomes.append)
    played.step()
    assert outcomes == []
    played.clock.now_s += 1.1
    played.step()
    (answer,) = outcomes
    assert answer.masks.search is Search.LATE
    assert played.figures()['searches_late'] == 1


def test_a_complete_search_is_no_loss():
    """Nor are prompts, which need no search."""
    played = loop(max_masks=1024)
    played.play()
    while not played.masks:
        played.step()
    assert played.masks[0].search is Search.COMPLETE
    prompted = PlayedLoop()
    prompted.play()
    assert prompted.masks[0].search is Search.COMPLETE
    for each in (played, prompted):
        figures = each.figures()
        assert (figures['searches_late'], figures['searches_full']) == (0, 0)
        assert figures['last_loss'] == ''


def test_the_search_begins_again_for_every_frame():
    """What the last one lacked of time is not the next one's loss."""
    played = loop(within_s=1.0)
    for stamp in (1, 2):
        played.arrive(stamp_ns=stamp)
        played.step()
        played.answer()
        played.step()
        played.clock.now_s += 0.4 if stamp == 2 else 1.1
        while len(played.masks) < stamp:
            played.step()
    assert [masks.search for masks in played.masks] == [Search.LATE, Search.COMPLETE]
