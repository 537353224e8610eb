"""Where a picture lies in an earlier one, and when that is not known."""

import cv2
import numpy as np
import pytest

from moving_scenes import drawn_world, shot, turned
from pedsam_ros.core import planes
from pedsam_ros.core.recognition import features, recognised
from pedsam_ros.core.registration import LEAST_POINTS, Registrar, edge_points, small_grey

WORLD = drawn_world(900, 1400)
SMALL = 640 / 288  # px of a frame to one of its small picture
MIDDLE = turned(700, 450)


def grey_of(matrix, world=WORLD):
    """The small picture of a view."""
    return small_grey(shot(world, matrix).rgb)


def registered(now, then, guess=None, **how):
    """Registers a picture."""
    guess = np.eye(3) if guess is None else guess
    return Registrar().register(now, edge_points(now), then, guess, **how)


def truth(now, then):
    """The matrix between the small pictures of two views."""
    half = planes.shift(0.5, 0.5)
    small = np.diag([SMALL, SMALL, 1.0])
    whole = np.linalg.inv(half) @ small @ half  # whole numbers are the middles of pixels
    found = np.linalg.inv(whole) @ np.linalg.inv(then) @ now @ whole
    return found / found[2, 2]


def error_px(found, now, then):
    """How far the corners are from where they should be, at most."""
    ends = planes.corners((216, 288))
    return float(
        np.abs(planes.applied(found, ends) - planes.applied(truth(now, then), ends)).max()
    )


@pytest.mark.parametrize(
    ('x', 'y', 'zoom', 'degrees'),
    [(0, 0, 1, 0), (31, -12, 1, 0), (-7.3, 4.9, 1, 0), (0, 0, 1.08, 0), (5, 5, 0.93, 3)],
)
def test_a_small_motion_is_found_without_a_hint(x, y, zoom, degrees):
    """To about a pixel of the small picture, in the corners too."""
    view = turned(700 + x, 450 + y, zoom, degrees)
    found = registered(grey_of(view), grey_of(MIDDLE))
    assert error_px(found.matrix, view, MIDDLE) < 1.2
    assert found.trust > 0.7


@pytest.mark.parametrize(
    ('x', 'y', 'zoom', 'degrees'), [(180, 60, 1, 0), (0, 0, 1.6, 0), (40, 0, 1, 25)]
)
def test_a_large_motion_is_recognised(x, y, zoom, degrees):
    """Features give the guess from which the rest is found."""
    view = turned(700 + x, 450 + y, zoom, degrees)
    now, then = grey_of(view), grey_of(MIDDLE)
    known = recognised(features(now), features(then), now.shape)
    assert known.sure
    found = registered(now, then, known.matrix, recognised=True)
    assert error_px(found.matrix, view, MIDDLE) < 1.0


def test_the_light_may_change():
    """A camera sets its own exposure."""
    now = np.clip(grey_of(turned(710, 450)) * 0.6 + 30, 0, 255).astype(np.uint8)
    found = registered(now, grey_of(MIDDLE))
    assert error_px(found.matrix, turned(710, 450), MIDDLE) < 0.7


def blurred(grey):
    """A picture of a camera that moved much too fast."""
    return cv2.blur(grey, (61, 31))


@pytest.mark.parametrize(
    'harm',
    [
        np.zeros_like,
        lambda grey: np.full_like(grey, 200),
        lambda grey: (grey / 40).astype(np.uint8),
        blurred,
        lambda grey: cv2.flip(grey, 1),
        lambda grey: grey_of(turned(700, 450), drawn_world(900, 1400, seed=9)),
    ],
    ids=['black', 'blank wall', 'dark', 'blur', 'mirror', 'elsewhere'],
)
def test_what_cannot_be_known_is_not_guessed(harm):
    """Nothing is better than a wrong place."""
    then = grey_of(MIDDLE)
    now = harm(then)
    assert registered(now, then) is None
    known = recognised(features(now), features(then), now.shape)
    assert known is None or not known.sure
    if known is not None:
        assert registered(now, then, known.matrix, recognised=True) is None


def test_noise_is_no_edge():
    """A dark picture has noise, and nothing that could be followed."""
    noise = np.random.default_rng(0).normal(12, 2, (216, 288)).clip(0, 255).astype(np.uint8)
    assert len(edge_points(noise)) < LEAST_POINTS


def test_the_wall_wins_over_the_crowd_before_it():
    """Nine people walk, each a way of their own, over two fifths of the picture."""
    now, then = shot(WORLD, MIDDLE).rgb, shot(WORLD, MIDDLE).rgb
    draw = np.random.default_rng(1)
    for number in range(9):
        person = drawn_world(170, 80, seed=50 + number)
        top, left = 20 + 240 * (number % 2), 40 + 62 * number
        right, down = draw.integers(-22, 23, 2)
        then[top : top + 170, left : left + 80] = person[:, : 640 - left]
        top, left = max(0, top + down), left + right
        now[top : top + 170, left : left + 80] = person[:, : 640 - left]
    found = registered(small_grey(now), small_grey(then))
    assert error_px(found.matrix, MIDDLE, MIDDLE) < 2.0


def test_a_mirror_on_the_wall_is_not_followed():
    """A third of the picture shows what moves the other way."""
    view = turned(712, 450)
    now, then = shot(WORLD, view).rgb, shot(WORLD, MIDDLE).rgb
    now[100:400, 200:420] = cv2.flip(now[100:400, 420:640], 1)
    then[100:400, 200:420] = cv2.flip(then[100:400, 420:640], 1)
    found = registered(small_grey(now), small_grey(then))
    assert error_px(found.matrix, view, MIDDLE) < 0.7


def test_pictures_of_two_shapes_are_registered():
    """A camera that changes its mode."""
    part = small_grey(shot(WORLD, MIDDLE).rgb[60:420])
    whole = grey_of(MIDDLE)
    known = recognised(features(part), features(whole), part.shape)
    found = registered(part, whole, known.matrix, recognised=True)
    assert np.abs(planes.applied(found.matrix, np.array([[0.0, 0.0]])) - (0, 27)).max() < 0.7
