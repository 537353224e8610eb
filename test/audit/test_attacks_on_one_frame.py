"""Attacks on one frame: what each must do with any view."""

import numpy as np
import pytest

import fakes
from pedsam_ros.audit.attack import History, Needs
from pedsam_ros.audit.attacks import attacks
from pedsam_ros.audit.guess import Guess
from pedsam_ros.audit.layouts import seen_by

ATTACKS = attacks(Needs.FRAME)
HISTORY = History(fakes.TINY)
GREY = 128


def picture(height=96, width=128, seed=0):
    """A smooth picture with some noise."""
    rng = np.random.default_rng(seed)
    rows, columns = np.indices((height, width))
    waves = [np.sin(rows / 17 + k) + np.cos(columns / 23 - k) for k in range(3)]
    return np.clip(np.dstack(waves) * 50 + 120 + rng.normal(0, 4, (height, width, 3)), 0, 255)


def view_of(truth, seen):
    return np.where(seen[..., None], truth, GREY).astype(np.uint8)


def layout(height, width, workers=3, which=0):
    """What one worker sees of a frame in the corner of the canvas."""
    return seen_by(fakes.TINY, workers)[which][:height, :width]


@pytest.mark.parametrize('name', ATTACKS)
@pytest.mark.parametrize('size', [(96, 128), (128, 96), (65, 99)])
def test_seen_pixels_stay_as_they_are(name, size):
    """To the last bit: scores of the unseen part would mean nothing otherwise."""
    seen = layout(*size)
    view = view_of(picture(*size), seen)
    guess = ATTACKS[name].attack(view, seen, HISTORY)
    assert guess.dtype == np.float32
    assert guess.shape == view.shape
    assert (guess[seen] == view[seen]).all()
    assert guess.min() >= 0
    assert guess.max() <= 255


@pytest.mark.parametrize('name', ATTACKS)
def test_an_attack_does_not_look_at_what_it_was_not_given(name):
    """Other pixels in the place of the grey ones change nothing."""
    seen, truth = layout(96, 128), picture()
    blind = ATTACKS[name].attack(view_of(truth, seen), seen, HISTORY)
    peeking = ATTACKS[name].attack(truth.astype(np.uint8), seen, HISTORY)
    np.testing.assert_array_equal(blind, peeking)


@pytest.mark.parametrize('name', ATTACKS)
def test_nothing_seen_everything_seen_and_slivers_are_answered(name):
    """A worker may be given nothing, and a frame may be one pixel high."""
    truth = picture().astype(np.uint8)
    one = np.zeros(truth.shape[:2], bool)
    one[40, 50] = True
    half = np.arange(128) < 64
    cases = [
        (truth, np.zeros(truth.shape[:2], bool)),
        (truth, np.ones(truth.shape[:2], bool)),
        (truth, one),
        (truth[:1], half[None]),
        (truth[:, :1], (np.arange(96) < 32)[:, None]),
        (truth[:1, :1], np.ones((1, 1), bool)),
    ]
    for pixels, seen in cases:
        guess = ATTACKS[name].attack(view_of(pixels, seen), seen, HISTORY)
        assert guess.shape == pixels.shape
        assert np.isfinite(guess).all()
        assert (guess[seen] == pixels[seen]).all()


def test_without_a_seen_pixel_all_guess_grey():
    """There is nothing to go by."""
    seen = np.zeros((32, 48), bool)
    for module in ATTACKS.values():
        guess = module.attack(np.full((32, 48, 3), GREY, np.uint8), seen, HISTORY)
        assert abs(float(guess.mean()) - 127.5) <= 0.5


def test_nearest_copies_the_nearest_colour():
    """Left of the middle that of the left edge, right of it that of the right one."""
    seen = np.zeros((4, 11), bool)
    seen[:, [0, 10]] = True
    view = np.full((4, 11, 3), GREY, np.uint8)
    view[:, 0], view[:, 10] = 10, 200
    guess = ATTACKS['nearest'].attack(view, seen, HISTORY)
    assert (guess[:, :5] == 10).all()
    assert (guess[:, 6:] == 200).all()


def test_a_guess_can_be_shrunk_for_a_smaller_network():
    """SAM's canvas is larger than the network's."""
    seen = layout(192, 256)
    guess = Guess.of(picture(192, 256), seen, 288).shrunk(0.5)
    assert guess.fill.shape == (96, 128, 3)
    assert guess.seen.shape == guess.distance.shape == (96, 128)
    assert (guess.seen == seen[::2, ::2]).all()
