"""How the camera turned, by a gyroscope."""

import math

import cv2
import numpy as np
import pytest

from pedsam_ros.core.config import EdgeConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.planes import applied
from pedsam_ros.core.turns import MOST_SAMPLES, Sample, Turns, rotation_of, seen_turn

MS = 10**6
CAMERA = np.array([[500.0, 0, 319.5], [0, 500.0, 239.5], [0, 0, 1]])
ABOUT_Y = (0.0, 0.5, 0.0)  # rad/s: to the right
BODY = (0.5, -0.5, 0.5, 0.5)  # x forward, y left, z up, in the optical frame


def filled(rate=ABOUT_Y, mounting=(0, 0, 0, 1), step_ms=5, count=200):
    """What a gyroscope says that starts at 1 s."""
    turns = Turns(mounting)
    for number in range(count):
        assert turns.add(Sample(1000 * MS + number * step_ms * MS, rate))
    return turns


def angle(rotation):
    """Rotation vector, rad."""
    return cv2.Rodrigues(rotation)[0].ravel()


def test_rates_add_up_to_the_turn_between_two_frames():
    """Begin and end may lie between two samples."""
    turn = filled().between(1203 * MS, 1411 * MS)
    assert angle(turn) == pytest.approx([0, 0.5 * 0.208, 0], abs=1e-6)


def test_a_rate_that_changes_is_followed():
    """0 to 1 rad/s within 1 s is half a radian."""
    turns = Turns()
    for number in range(201):
        turns.add(Sample(1000 * MS + number * 5 * MS, (0.0, number / 200, 0.0)))
    assert angle(turns.between(1000 * MS, 2000 * MS)) == pytest.approx([0, 0.5, 0], abs=1e-6)


def test_turns_about_several_axes_follow_one_another():
    """First right by a right angle, then about the new line of sight: order matters."""
    turns, quarter = Turns(), math.pi / 2
    for number in range(100):
        rate = (0.0, quarter, 0.0) if number < 50 else (0.0, 0.0, quarter)
        turns.add(Sample(number * 20 * MS, rate))
    first, second = turns.between(0, 980 * MS), turns.between(980 * MS, 1980 * MS)
    assert np.allclose(turns.between(0, 1980 * MS), first @ second, atol=1e-6)
    assert not np.allclose(turns.between(0, 1980 * MS), second @ first, atol=0.1)


def test_the_mounting_says_which_way_the_gyroscope_looks():
    """A robot that turns to the left, about its z axis, turns its camera about -y."""
    turn = filled((0.0, 0.0, 0.5), BODY).between(1000 * MS, 1200 * MS)
    assert angle(turn) == pytest.approx([0, -0.1, 0], abs=1e-6)
    assert np.allclose(rotation_of(BODY) @ [1, 0, 0], [0, 0, 1])  # forward
    assert np.allclose(rotation_of(BODY) @ [0, 1, 0], [-1, 0, 0])  # left
    assert np.allclose(rotation_of([2 * each for each in BODY]), rotation_of(BODY))


@pytest.mark.parametrize(
    ('begin_ms', 'end_ms'),
    [(1000, 1000), (1100, 1050), (800, 1100), (1900, 2200), (1000, 5000)],
    ids=['no time', 'backwards', 'before the first', 'after the last', 'too long'],
)
def test_what_the_samples_do_not_reach_is_not_known(begin_ms, end_ms):
    """There is no hint then."""
    assert filled().between(begin_ms * MS, end_ms * MS) is None


def test_a_gap_is_not_bridged():
    """Nobody knows what the camera did in the meantime."""
    turns = filled(count=20)
    turns.add(Sample(1400 * MS, ABOUT_Y))
    assert turns.between(1000 * MS, 1400 * MS) is None
    assert Turns().between(1000 * MS, 1400 * MS) is None


@pytest.mark.parametrize(
    'sample',
    [
        Sample(1995 * MS, ABOUT_Y),
        Sample(500 * MS, ABOUT_Y),
        Sample(3000 * MS, (math.nan, 0.0, 0.0)),
        Sample(3000 * MS, (0.0, math.inf, 0.0)),
        Sample(3000 * MS, (0.0, 0.0, 41.0)),
    ],
    ids=['twice', 'late', 'nan', 'infinite', 'too fast'],
)
def test_a_sample_that_cannot_be_right_changes_nothing(sample):
    """It is refused, and those after it count again."""
    turns = filled()
    assert not turns.add(sample)
    assert turns.add(Sample(2000 * MS, ABOUT_Y))
    assert angle(turns.between(1900 * MS, 2000 * MS)) == pytest.approx([0, 0.05, 0], abs=1e-6)


def test_a_clock_that_is_set_back_begins_anew():
    """One stamp of the far future does not end the hints for ever."""
    turns = filled(count=20)
    assert turns.add(Sample(10**18, ABOUT_Y))
    for number in range(20):
        assert turns.add(Sample(505 * MS + number * 5 * MS, ABOUT_Y))
    assert angle(turns.between(505 * MS, 600 * MS)) == pytest.approx([0, 0.0475, 0], abs=1e-6)


def test_old_samples_are_forgotten():
    """A gyroscope that never stops takes no more memory."""
    turns = filled(step_ms=1, count=MOST_SAMPLES + 1000)
    assert turns.between(1000 * MS, 1500 * MS) is None
    assert turns.between(4000 * MS, 4500 * MS) is not None


def test_a_turn_to_the_right_moves_what_is_seen_to_the_left():
    """What is in the middle now was right of it before."""
    moved = seen_turn(filled().between(1000 * MS, 1100 * MS), CAMERA)
    assert applied(moved, np.array([[319.5, 239.5]])) == pytest.approx(
        np.array([[319.5 + 500 * math.tan(0.05), 239.5]]), abs=1e-3
    )


@pytest.mark.parametrize('k', [np.zeros((3, 3)), np.full((3, 3), np.nan)])
def test_without_a_calibration_there_is_no_hint(k):
    """A camera that nobody calibrated says zeros."""
    assert seen_turn(np.eye(3), k) is None


def test_pictures_with_nothing_in_common_give_no_hint():
    """A turn by a right angle."""
    assert seen_turn(cv2.Rodrigues(np.array([0.0, math.pi / 2, 0.0]))[0], CAMERA) is None


@pytest.mark.parametrize(
    ('mounting', 'anchor', 'told'),
    [
        ((0.0, 0.0, 1.0), 'scene', 'four numbers'),
        ((0.0, 0.0, 0.0, 0.0), 'scene', 'not all of them 0'),
        ((math.nan, 0.0, 0.0, 1.0), 'scene', 'four numbers'),
        ((0.0, 0.0, 0.0, 1.0), 'image', 'needs anchor=scene'),
    ],
)
def test_a_mounting_that_cannot_be_used_is_refused(mounting, anchor, told):
    """The error names value and rule."""
    with pytest.raises(ConfigError, match=told):
        EdgeConfig(imu_mounting=mounting, placement=PlacementConfig(anchor=anchor))
