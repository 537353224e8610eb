"""Hints how the camera turned: what they are good for, and that wrong ones do no harm."""

import cv2
import numpy as np
import pytest

from moving_scenes import HEIGHT, WIDTH, Witness, drawn_world, shot
from pedsam_ros.core.hints import Hints
from pedsam_ros.core.planes import shift
from watched_scenes import WORLD, scene_of

PERIOD_PX = 64
UNIQUE_PX = 800  # width of what is no tiles
SLOW_PX = 20.0


def floor():
    """A floor of equal tiles; to the left a place that looks like no other."""
    y, x = np.mgrid[: HEIGHT + 200, : UNIQUE_PX + 5 * WIDTH]
    lines = np.minimum(x % PERIOD_PX, y % PERIOD_PX) < 6
    noise = np.random.default_rng(0).integers(0, 8, lines.shape)
    grey = (np.where(lines, 60, 180) + noise).astype(np.uint8)
    found = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    found[:, :UNIQUE_PX] = drawn_world(HEIGHT + 200, UNIQUE_PX)
    return found


FLOOR = floor()


def to_the_floor():
    """A slow pan over the place that looks like no other."""
    return [shift(SLOW_PX * n, 100.0) for n in range(int(UNIQUE_PX / SLOW_PX) + 1)]


def over_tiles(step_px, count=24):
    """A pan over tiles alone."""
    return [shift(UNIQUE_PX + step_px * n, 100.0) for n in range(count)]


def right(before, now):
    """What a gyroscope that measures rightly says."""
    return np.linalg.inv(before) @ now


def walked(matrices, hint, world=FLOOR, dark=(), scene=None):
    """The largest true coverage of any worker, and the scene. `hint` is made of two places; frames
    in `dark` are black."""
    scene, witness = scene or scene_of(max_coverage=0.40), Witness(world.shape)
    largest, before = 0.0, None
    for number, matrix in enumerate(matrices):
        each = shot(world if number not in dark else np.zeros_like(world), matrix)
        turn = None if before is None or hint is None else hint(before, matrix)
        sight = scene.look(each.rgb, number / 10, turn)
        plan = scene.allowed(sight, sight.homes)
        scene.note(sight, plan)
        witness.note(each, sight.canvas, plan)
        largest, before = max(largest, *witness.coverage(each).values()), matrix
    return largest, scene


@pytest.mark.parametrize('step_px', [40.0, 60.0, 64.0, 70.0])
def test_a_camera_that_moves_by_a_tile_a_frame_is_followed_with_hints(step_px):
    """Without them it seems to stand still, since every tile looks like the next."""
    matrices = [*to_the_floor(), *over_tiles(step_px)[1:]]
    assert walked(matrices, None)[0] > 0.5
    assert walked(matrices, right)[0] < 0.43


@pytest.mark.parametrize(
    'wrong',
    [
        lambda before, now: right(now, before),  # mounted the wrong way round
        lambda before, now: shift(64.0, 0.0),
        lambda before, now: shift(-40.0, 64.0),
        lambda before, now: np.diag([1.3, 1.3, 1.0]),
        lambda before, now: np.full((3, 3), np.nan),
        lambda before, now: np.zeros((3, 3)),
    ],
    ids=['mirrored', 'a tile', 'aside', 'zoom', 'nan', 'zeros'],
)
@pytest.mark.parametrize('proved', [False, True], ids=['from the start', 'after a place without'])
def test_wrong_hints_show_nobody_more(wrong, proved):
    """A slow pan over tiles is followed as it is without hints."""
    before = to_the_floor() if proved else []
    matrices = [*before, *over_tiles(SLOW_PX, 20)]
    assert walked(matrices, wrong)[0] < 0.43


def test_hints_that_turn_wrong_are_used_no_longer():
    """A place that looks like no other shows at once that they are."""
    hints, size = Hints(), (216, 288)
    for _ in range(20):
        hints.add(shift(9.0, 0.0), 0.0)
        hints.judge(np.eye(3), shift(9.3, 0.2), size)
        hints.begin()
    assert hints.proved
    hints.add(shift(9.0, 0.0), 0.0)
    hints.judge(np.eye(3), shift(-9.0, 0.0), size)
    assert not hints.proved


def test_hints_of_no_motion_prove_nothing():
    """A camera that stands still agrees with a gyroscope that is not connected."""
    hints = Hints()
    for _ in range(50):
        hints.add(np.eye(3), 0.0)
        hints.judge(np.eye(3), np.eye(3), (216, 288))
        hints.begin()
    assert not hints.proved


def test_a_camera_that_is_found_keeps_its_coverage_whatever_a_hint_says():
    """Frame by frame as without hints."""
    matrices = [shift(300 + 12.0 * n, 200.0) for n in range(8)]
    plain, scene = walked(matrices, None, WORLD)
    wrong, other = walked(matrices, lambda before, now: shift(-150.0, 90.0), WORLD)
    assert wrong == plain
    assert scene.coverage == other.coverage
    assert other.totals.lost == 0


def test_hints_of_frames_that_were_lost_add_up():
    """The camera moves by a tile while it is dark, and is found where it looks then."""
    dark = {len(to_the_floor()) + n for n in (2, 3, 6)}
    largest, scene = walked([*to_the_floor(), *over_tiles(60.0, 12)[1:]], right, dark=dark)
    assert scene.totals.lost == len(dark)
    assert largest < 0.43


def test_hints_of_a_long_time_are_none():
    """A gyroscope drifts: after 3 s in the dark nobody knows where the camera looks."""
    hints = Hints()
    for tenth in range(1, 31):
        hints.add(shift(1.0, 0.0), tenth / 10)
    assert hints.place(np.eye(3), (216, 288)) is not None
    hints.add(shift(1.0, 0.0), 3.1)
    assert hints.place(np.eye(3), (216, 288)) is None
    hints.begin()
    hints.add(shift(5.0, 0.0), 3.2)
    assert hints.place(np.eye(3), (216, 288)) is not None


def test_proved_hints_that_begin_to_lie_show_nobody_more_of_a_floor_with_things():
    """Where anything tells one tile from another, the better place counts."""
    draw = np.random.default_rng(1)
    world = FLOOR.copy()
    for _ in range(400):
        x, y = int(draw.integers(UNIQUE_PX, world.shape[1])), int(draw.integers(world.shape[0]))
        cv2.circle(world, (x, y), 12, tuple(int(each) for each in draw.integers(0, 256, 3)), -1)
    scene = scene_of(max_coverage=0.40)
    walked(to_the_floor(), right, world, scene=scene)
    assert scene.hints_proved
    still = [shift(UNIQUE_PX, 100.0)] * 10
    assert walked(still, lambda before, now: shift(64.0, 0.0), world, scene=scene)[0] < 0.43
