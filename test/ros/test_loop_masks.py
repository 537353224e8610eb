"""The edge's loop while masks take long: made in batches, and all else goes on between."""

import pytest

import fakes
from loop_with_fakes import PlayedLoop
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.types import Prompt
from pedsam_ros.trial.lies import Lie, spoiled
from slow_loop import BOX, OUTSIDE, SIX, begin, stamps

pytestmark = [pytest.mark.ros, pytest.mark.usefixtures('one_at_a_time')]


def test_a_frame_stays_in_flight_until_its_masks_are_there(slow):
    """And no more frames are started than may be."""
    begin(slow, 1)
    for stamp in (2, 3):
        slow.arrive(stamp_ns=stamp)
        slow.step()
        slow.answer()
        assert slow.edge.in_flight <= slow.edge.config.max_in_flight
    assert stamps(slow) == []
    assert slow.figures()['waiting'] == 1
    assert slow.all_are_in_the_report_once()
    slow.step(3)
    assert stamps(slow) == [(1, 6)]
    slow.step_until_masks(3)
    assert stamps(slow) == [(1, 6), (2, 6), (3, 6)]
    assert slow.edge.endings == {'done': 3}


def test_frames_end_late_while_masks_are_made(slow):
    """Their deadline does not wait for another frame."""
    begin(slow, 1)
    slow.arrive(stamp_ns=2)
    slow.step()
    slow.clock.now_s += slow.edge.config.deadline_s
    slow.step()
    assert slow.edge.endings == {'late': 1}
    slow.step(5)
    assert stamps(slow) == [(1, 6)]
    assert slow.edge.endings == {'late': 1, 'done': 1}


def test_windows_that_stay_here_are_computed_while_masks_are_made(monkeypatch):
    """Otherwise the next frame would miss its deadline."""
    monkeypatch.setattr(fakes.edge_half(True).decoder, 'most_prompts', 1)
    slow = PlayedLoop(**SIX, placement=PlacementConfig(local_windows=(0,)))
    slow.arrive(stamp_ns=1)
    slow.step(2)
    slow.answer()
    slow.step()
    slow.arrive(stamp_ns=2)
    slow.step()
    assert (slow.masks, slow.loop._sender.local) == ([], 0)


def test_closing_ends_a_frame_whose_masks_are_being_made(slow):
    """As failed, without masks. Requests are told."""
    begin(slow, 1)
    outcomes = []
    slow.loop.ask(BOX * 3, outcomes.append)
    slow.step()
    slow.loop.close()
    assert slow.masks == []
    assert slow.edge.endings == {'failed': 1}
    assert [str(outcome) for outcome in outcomes] == ['the node is not active any more']


def test_masks_from_answers_of_a_liar_are_not_published(slow):
    """A frame whose masks are being made fails when the lie is found; a request is begun anew."""
    begin(slow, 1)
    outcomes = []
    slow.loop.ask(BOX * 3, outcomes.append)
    slow.step()
    slow.arrive(stamp_ns=2)
    slow.step()
    slow.answer(lambda reply: spoiled(reply, Lie.NOT_FINITE), who='alice')
    slow.step(9)
    assert slow.masks == []
    assert slow.edge.endings == {'failed': 1}
    assert slow.edge.in_flight == 1
    assert [str(outcome) for outcome in outcomes] == ['no frame has been encoded yet']


def test_new_prompts_wait_for_the_frame_in_the_making(slow):
    """It is published with those before, then again with the new ones, as the last word."""
    begin(slow, 1)
    slow.loop.set_prompts(BOX)
    slow.step(9)
    assert stamps(slow) == [(1, 6), (1, 1)]


def test_a_complete_frame_answers_new_prompts(slow):
    """Then the frame before it needs no second answer."""
    begin(slow, 1)
    slow.arrive(stamp_ns=2)
    slow.step()
    slow.answer()
    slow.loop.set_prompts(BOX * 2)
    slow.step(20)
    assert stamps(slow) == [(1, 6), (2, 2)]


def test_of_new_prompts_the_newest_are_answered(slow):
    """Those that had no answer yet are dropped, also if some of their masks were made."""
    begin(slow, 1)
    slow.step(5)
    slow.loop.set_prompts(BOX * 3)
    slow.step()
    slow.loop.set_prompts(BOX * 2)
    slow.step(9)
    assert stamps(slow) == [(1, 6), (1, 2)]


def test_a_fixed_prompt_outside_of_a_smaller_image_costs_itself(slow):
    """It is counted once, not for each frame, and again when the size of the image changes."""
    sizes = [(96, 128), (45, 128), (45, 128), (45, 128), (96, 128), (45, 128)]
    rejected = []
    for stamp, (height, width) in enumerate(sizes, 1):
        slow.arrive(stamp_ns=stamp, height=height, width=width)
        slow.step_until_masks(stamp)
        rejected.append(slow.figures()['rejected_prompts'])
    assert stamps(slow) == [(1, 6), (2, 4), (3, 4), (4, 4), (5, 6), (6, 4)]
    assert rejected == [0, 2, 2, 2, 2, 4]
    assert [mask.prompt for mask in slow.masks[1].masks] == [0, 1, 2, 3]
    assert slow.edge.endings == {'done': 6}


@pytest.mark.parametrize('shown', [False, True])
def test_prompts_of_which_none_fits_change_nothing(slow, shown):
    """Whether a frame has been encoded or not. They are counted."""
    if shown:
        begin(slow, 1)
        slow.step(5)
    nan = fakes.prompt(float('nan'), 5.0)
    slow.loop.set_prompts((*nan, Prompt(fault='3 numbers')))
    assert slow.figures()['rejected_prompts'] == 2
    before = len(slow.masks)
    slow.arrive(stamp_ns=9)
    slow.step_until_masks(before + 1)
    assert stamps(slow)[before:] == [(9, 6)]


def test_a_bad_prompt_of_a_topic_costs_itself(slow):
    """It is counted once, and the others are answered on every frame."""
    begin(slow, 1)
    slow.step(5)
    slow.loop.set_prompts((*OUTSIDE, *BOX))
    slow.step(3)
    slow.arrive(stamp_ns=2)
    slow.step_until_masks(3)
    assert stamps(slow) == [(1, 6), (1, 1), (2, 1)]
    assert slow.figures()['rejected_prompts'] == 1
