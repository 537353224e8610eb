"""Prompts keep their rules: those a little outside are moved in, a bad one is refused alone."""

import math
import re

import pytest

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import BadPrompt
from pedsam_ros.core.prompts import (
    MOST_POINTS,
    MOST_PROMPTS,
    Limits,
    fitted,
    prompts_from_flat,
    sift,
    told,
)
from pedsam_ros.core.types import Prompt

HEIGHT, WIDTH = 48, 64
NAN, INF = math.nan, math.inf


def box(*corners):
    return Prompt(box=corners)


def point(x, y, label=1):
    return Prompt(points=((x, y, label),))


@pytest.mark.parametrize(
    ('asked', 'answered'),
    [
        (box(40.0, 10.0, 64.4, 40.0), (40.0, 10.0, 64.0, 40.0)),
        (box(-0.4, -3.0, 10.0, 10.0), (0.0, 0.0, 10.0, 10.0)),
        (box(-100.0, -100.0, 1000.0, 1000.0), (0.0, 0.0, 64.0, 48.0)),
        (box(63.9, 47.9, 70.0, 70.0), (63.9, 47.9, 64.0, 48.0)),
        (box(0.0, 0.0, 64.0, 48.0), (0.0, 0.0, 64.0, 48.0)),
    ],
)
def test_boxes_are_cut_at_the_border(asked, answered):
    """As other packages do; detectors let boxes end a little outside."""
    assert fitted(asked, HEIGHT, WIDTH).box == answered


@pytest.mark.parametrize(
    ('asked', 'answered'),
    [
        (point(64.0, 48.0), (63.0, 47.0, 1)),
        (point(64.9, 10.0), (63.0, 10.0, 1)),
        (point(-1.0, -0.2, 0), (0.0, 0.0, 0)),
        (point(63.7, 47.9), (63.7, 47.9, 1)),
        (point(0.0, 0.0), (0.0, 0.0, 1)),
    ],
)
def test_points_on_the_border_are_moved_to_the_nearest_pixel(asked, answered):
    """At most one pixel. A point that lies inside stays where it is."""
    assert fitted(asked, HEIGHT, WIDTH).points == (answered,)


@pytest.mark.parametrize(
    ('prompt', 'rule'),
    [
        (Prompt(), 'without a point or a box'),
        (Prompt(fault='3 numbers in box'), '3 numbers in box'),
        (point(65.1, 5.0), r'point=\(65.1, 5.0\): outside the image of 64x48 px'),
        (point(5.0, -1.1), 'outside'),
        (point(5.0, 5.0, 2), 'label=2'),
        (point(NAN, 5.0), r'point=\(nan, 5.0\): not two finite numbers'),
        (point(5.0, -INF), 'not two finite numbers'),
        (box(5.0, 5.0, 5.0, 9.0), 'not x0 < x1'),
        (box(9.0, 5.0, 5.0, 9.0), 'not x0 < x1'),
        (box(5.0, 9.0, 7.0, 5.0), 'y0 < y1'),
        (box(5.0, 5.0, NAN, 9.0), 'not four finite numbers'),
        (box(5.0, 5.0, INF, 9.0), 'not four finite numbers'),
        (box(64.0, 5.0, 80.0, 9.0), r'box=.*outside the image of 64x48 px'),
        (box(5.0, -9.0, 8.0, 0.0), 'outside'),
        (Prompt(points=((5.0, 5.0, 1),) * (MOST_POINTS + 1)), 'at most 64 in one prompt'),
        (Prompt(points=((5.0, 5.0, 1), (99.0, 5.0, 0))), 'outside'),
    ],
)
def test_prompts_that_break_a_rule_are_refused_by_name(prompt, rule):
    """The reason has the value and the rule."""
    good, (refusal,) = sift([prompt], (HEIGHT, WIDTH))
    assert good == {}
    assert re.search(rule, refusal.reason)


def test_a_bad_prompt_costs_itself():
    """The others are answered under their own indices."""
    prompts = [point(NAN, 4.0), point(5.0, 5.0), Prompt(), box(40.0, 10.0, 64.4, 40.0)]
    good, refused = sift(prompts, (HEIGHT, WIDTH))
    assert good == {1: point(5.0, 5.0), 3: box(40.0, 10.0, 64.0, 40.0)}
    assert [each.prompt for each in refused] == [0, 2]
    assert told(refused).startswith('prompt=0: point=(nan, 4.0): not two finite')


def test_without_an_image_only_what_fits_none_is_refused():
    """Before the first frame, whose size is not known."""
    prompts = [point(NAN, 4.0), point(9999.0, 5.0), box(5.0, 5.0, 5.0, 9.0)]
    good, refused = sift(prompts, None)
    assert good == {1: prompts[1]}
    assert [each.prompt for each in refused] == [0, 2]


def test_a_text_about_many_refusals_stays_short():
    """It names the first, and counts the others."""
    _, refused = sift([Prompt()] * MOST_PROMPTS, (HEIGHT, WIDTH))
    assert len(refused) == MOST_PROMPTS
    assert len(told(refused)) < 300
    assert told(refused).endswith(f'and {MOST_PROMPTS - 5} others')


@pytest.mark.parametrize(
    ('points', 'boxes', 'rule'),
    [
        ((1.0,), (), 'a point has 2 numbers'),
        ((), (1.0, 2.0, 3.0), 'a box 4'),
        ((NAN, 1.0), (), 'not two finite numbers'),
        ((), (9.0, 0.0, 5.0, 5.0), 'not x0 < x1'),
        ((1.0, 1.0) * (MOST_PROMPTS + 1), (), '1025 prompts: at most 1024'),
        ((1.0, 1.0) * MOST_PROMPTS, (0.0, 0.0, 5.0, 5.0), '1025 prompts: at most 1024'),
    ],
)
def test_parameters_that_fit_no_image_are_refused_at_once(points, boxes, rule):
    """Those that lie outside of one image may lie inside of another."""
    with pytest.raises(BadPrompt, match=rule):
        EdgeConfig(points=points, boxes=boxes)
    assert len(prompts_from_flat((9999.0, 9999.0), (0.0, 0.0, 9999.0, 1.0))) == 2


def test_points_in_all_are_bounded():
    """Whatever their prompts; the limits are the node's own."""
    limits = Limits(prompts=10, points=3)
    assert len(prompts_from_flat((1.0, 1.0) * 3, (0.0, 0.0, 5.0, 5.0), limits)) == 4
    with pytest.raises(BadPrompt, match='4 points in all: at most 3'):
        prompts_from_flat((1.0, 1.0) * 4, (), limits)
    with pytest.raises(BadPrompt, match='11 prompts: at most 10'):
        prompts_from_flat((), (0.0, 0.0, 5.0, 5.0) * 11, limits)
