"""The edge's loop and prompts of parameters that do not fit the frame."""

import pytest

import fakes
from loop_with_fakes import PlayedLoop

pytestmark = pytest.mark.ros

OUTSIDE = fakes.prompt(500.0, 5.0)


def numbers(played):
    """How many masks each frame got."""
    return [len(masks.masks) for masks in played.masks]


def test_if_no_fixed_prompt_fits_a_frame_is_done_without_masks():
    """It does not fall back to the grid."""
    played = PlayedLoop(points=(500.0, 5.0))
    played.play()
    assert numbers(played) == [0]
    assert 'point=(500.0, 5.0): outside' in played.losses.reason


def test_parameters_hold_though_none_of_their_prompts_fits_the_last_frame():
    """They show these prompts. A frame that is large enough is answered by them."""
    played = PlayedLoop()
    played.play()
    played.loop.set_prompts(OUTSIDE, fixed=True)
    played.step()
    played.play(width=640)
    assert numbers(played) == [1, 0, 1]
    assert played.figures()['rejected_prompts'] == 1


def test_a_click_outside_changes_nothing():
    """The prompts before it stay."""
    played = PlayedLoop()
    played.play()
    played.loop.set_prompts(OUTSIDE)
    played.play(width=640)
    assert numbers(played) == [1, 1]
    assert played.figures()['rejected_prompts'] == 1
