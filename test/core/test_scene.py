"""What workers see of a scene while the camera moves."""

import numpy as np
import pytest

from moving_scenes import Witness, crops, drawn_world, pan, roll, shake, shot, turned, zoom
from pedsam_ros.core.errors import BadImage, ConfigError, ExposureError
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.sight import State
from pedsam_ros.core.workers_file import WorkerEntry
from watched_scenes import ARCH, WORLD, at, scene_of, send, windows_of


@pytest.mark.parametrize(
    'shots',
    [pan(WORLD, 580, 20), pan(WORLD, 200, 3.7), pan(WORLD, 400, 17.7, 0.7), shake(WORLD, 20, 20)],
    ids=['pan', 'slow pan', 'slanted pan', 'shake'],
)
def test_cells_that_move_with_the_scene_show_a_worker_no_more_than_its_share(shots):
    """Nothing has to stay on the edge, and the scene knows what geometry knows."""
    scene, witness = scene_of(max_coverage=0.40), Witness(WORLD.shape)
    for number, each in enumerate(shots):
        sight, plan = send(scene, each.rgb, number / 10)
        witness.note(each, sight.canvas, plan)
        truth = witness.coverage(each)
        assert sight.state in (State.FOUND, State.NEW)
        assert LOCAL not in plan.values()
        assert max(truth.values()) < 0.37
        assert all(abs(scene.coverage[name] - truth[name]) < 0.03 for name in truth)


@pytest.mark.parametrize(
    'shots',
    [zoom(WORLD, 2.0, 15), roll(WORLD, 30, 12), crops(WORLD, 8)],
    ids=['zoom', 'roll', 'crops'],
)
def test_a_worker_above_its_cap_sees_nothing_new(shots):
    """Zoom alone may make what it has seen a larger part of the view; sending never does."""
    scene, witness, cap = scene_of(max_coverage=0.40), Witness(WORLD.shape), 0.40
    for number, each in enumerate(shots):
        sight = scene.look(each.rgb, float(number))
        before = dict(scene.coverage)
        plan = scene.allowed(sight, sight.homes)
        scene.note(sight, plan)
        witness.note(each, sight.canvas, plan)
        truth = witness.coverage(each)
        assert all(scene.coverage[w] <= max(cap, before[w]) + 1e-9 for w in before)
        assert all(truth[w] - scene.coverage[w] < 0.03 for w in truth)
        assert all(
            scene.coverage[w] - truth[w] < 0.03 for w in truth if sight.state is State.FOUND
        )


def test_a_camera_that_stands_still_never_moves_the_grid():
    """Noise is not motion, and shows nobody anything new."""
    scene, draw = scene_of(), np.random.default_rng(0)
    canvases, written = set(), []
    for number in range(25):
        noise = draw.normal(0, 4, (480, 640, 3))
        rgb = np.clip(at(850) + noise, 0, 255).astype(np.uint8)
        sight = scene.look(rgb, number / 10)
        written.append(len(scene.note(sight, scene.allowed(sight, sight.homes))))
        canvases.add((sight.canvas.offset, sight.canvas.corner))
    assert len(canvases) == 1
    assert sum(size > 0 for size in written) <= 3
    assert scene.totals.scenes == 1


def test_a_black_image_is_lost_and_begins_no_scene():
    """Not before the first scene, and not after it."""
    scene, black = scene_of(), np.zeros((480, 640, 3), np.uint8)
    for now_s in range(5):
        sight, plan = send(scene, black, now_s)
        assert sight.state is State.LOST
        assert windows_of(plan) == 0
    assert send(scene, at(850), 5)[0].state is State.NEW
    for now_s in range(6, 12):
        assert send(scene, black, now_s)[0].state is State.LOST
    assert send(scene, at(850), 12)[0].state is State.FOUND
    assert scene.totals.scenes == 1


def test_a_mirrored_picture_is_another_scene():
    """A driver that flips the picture shows nothing that can be registered."""
    scene = scene_of()
    send(scene, at(850), 0.0)
    sight, plan = send(scene, np.ascontiguousarray(at(850)[:, ::-1]), 0.1)
    assert sight.state is State.LOST
    assert windows_of(plan) == 0
    later, _ = send(scene, np.ascontiguousarray(at(850)[:, ::-1]), 0.6)
    assert later.state is State.NEW


def test_a_crowd_before_a_still_wall_does_not_move_the_grid():
    """People walk over a third of the picture, each their own way."""
    scene, canvases, people = scene_of(), set(), drawn_world(220, 90, seed=3)
    for number in range(12):
        rgb = at(850).copy()
        for person in range(6):
            speed = (5, -7, 9, -4, 6, -8)[person]
            left = (60 + 100 * person + speed * number) % 550
            top = 40 + 180 * (person % 2)
            rgb[top : top + 220, left : left + 90] = np.roll(people, person * 30, 0)
        sight, _ = send(scene, rgb, number / 10)
        assert sight.state is not State.LOST
        canvases.add(sight.canvas.offset + sight.canvas.corner)
    assert np.ptp(np.array(sorted(canvases)), axis=0).max() <= 1


def test_frames_out_of_order_are_found_all_the_same():
    """A pan whose frames come in any order."""
    frames = [each.rgb for each in pan(WORLD, 500, 25)]
    scene, order = scene_of(max_coverage=0.40), np.random.default_rng(2).permutation(len(frames))
    states = [send(scene, frames[number], n / 10)[0].state for n, number in enumerate(order)]
    assert states.count(State.LOST) <= 1
    assert max(scene.totals.largest.values()) <= 0.40


def test_one_frame_a_second_is_enough():
    """A bag of 1 Hz, in which the camera moves by a quarter of the view from frame to frame."""
    scene = scene_of(max_coverage=0.40)
    for number in range(6):
        sight, plan = send(scene, at(330 + 160 * number), float(number))
        assert sight.state is (State.FOUND if number else State.NEW)
        assert windows_of(plan) == len(plan)
    assert max(scene.totals.largest.values()) <= 0.40


def test_a_place_keeps_its_homes_when_the_camera_comes_back():
    """To the window, after a turn of more than a view."""
    frames = [each.rgb for each in pan(WORLD, 900, 25)]
    scene = scene_of(max_coverage=0.40)
    there = send(scene, frames[0])[0]
    for rgb in [*frames[1:], *frames[::-1]]:
        back, _ = send(scene, rgb)
    assert abs(np.subtract(there.canvas.corner, back.canvas.corner)).max() <= 1
    assert there.homes == back.homes
    assert max(scene.totals.largest.values()) <= 0.40


def test_a_plan_that_breaks_the_cap_is_refused():
    """Whoever planned it: nothing is noted."""
    scene = scene_of(max_coverage=0.40)
    sight = scene.look(at(850), 0.0)
    with pytest.raises(ExposureError, match=r'a: windows=.* more than 40\.0%'):
        scene.note(sight, dict.fromkeys(sight.homes, 'a'))
    assert set(scene.coverage.values()) == {0.0}
    assert scene.note(sight, {}) == b''


def test_the_default_cap_lets_a_pan_pass():
    """It is the lattice's share, and a margin."""
    scene = scene_of()
    for each in pan(WORLD, 300, 20):
        assert LOCAL not in send(scene, each.rgb)[1].values()
    assert scene.cap(scene.look(at(850), 0.0).canvas) < 0.45


def test_a_late_plan_counts_with_what_was_sent_since():
    """A window goes to a stand-in after the next frame was sent already."""
    scene = scene_of(max_coverage=0.36)
    old = scene.look(at(850), 0.0)
    send(scene, at(900), 0.1)
    plan = scene.allowed(old, dict.fromkeys(old.homes, 'a'))
    scene.note(old, plan)
    now = scene.look(at(900), 0.2)
    assert now.coverage['a'] > 0.3
    assert windows_of(plan) < len(plan)


def test_an_empty_image_is_refused():
    """Like everywhere else."""
    with pytest.raises(BadImage, match='empty'):
        scene_of().look(np.zeros((0, 640, 3), np.uint8), 0.0)


@pytest.mark.parametrize(
    'rules',
    [{'max_coverage': 1.1}, {'on_lost_scene': 'hope'}, {'scenes_per_minute': -1}],
)
def test_a_rule_out_of_bounds_is_refused(rules):
    """The error names it."""
    with pytest.raises(ConfigError, match=next(iter(rules))):
        PlacementConfig(**rules)


def test_at_most_sixteen_workers_are_known():
    """A pixel has so many bits."""
    many = [WorkerEntry(name=f'w{n}', domain_id=n + 1) for n in range(17)]
    with pytest.raises(ConfigError, match='at most 16'):
        Scene(ARCH, many)


def test_bands_of_light_that_move_do_not_make_the_scene_forget():
    """A lamp that flickers before a rolling shutter: what was seen in another light was seen."""
    scene, witness, rows = scene_of(max_coverage=0.40), Witness(WORLD.shape), np.arange(480)
    for number in range(40):
        x, y = 850 + 150 * np.sin(number / 11), 450 + 60 * np.sin(number / 6)
        view = shot(WORLD, turned(x, y, 1 + 0.2 * np.sin(number / 9), 8 * np.sin(number / 7)))
        light = 0.8 + 0.2 * np.sin(rows / 30 + number * 1.3)
        before = witness.coverage(view)
        lit = (view.rgb * light[:, None, None]).astype(np.uint8)
        sight, plan = send(scene, lit, number / 10)
        witness.note(view, sight.canvas, plan)
        for worker, share in witness.coverage(view).items():
            assert share <= max(0.43, before.get(worker, 0.0) + 0.01)
