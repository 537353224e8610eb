"""When the camera is lost, when a new scene begins, and what is found again."""

import cv2
import numpy as np

from moving_scenes import drawn_world, pan, shot
from pedsam_ros.core.keyframes import without_rims
from pedsam_ros.core.new_scenes import NewScenes
from pedsam_ros.core.planes import shift
from pedsam_ros.core.sight import State
from watched_scenes import ELSEWHERE, WORLD, at, scene_of, send, windows_of


def test_another_room_is_lost_first_and_then_a_new_scene():
    """The rule says so, and it is counted."""
    scene = scene_of()
    send(scene, at(850), 0.0)
    assert send(scene, at(850, world=ELSEWHERE), 0.1)[0].state is State.LOST
    sight, plan = send(scene, at(850, world=ELSEWHERE), 0.5)
    assert sight.state is State.NEW
    assert set(sight.coverage.values()) == {0.0}
    assert windows_of(plan) == len(plan)
    assert scene.totals.scenes == 2


def test_with_local_nothing_leaves_until_the_scene_is_found_again():
    """Whatever the camera shows in the meantime."""
    scene = scene_of(on_lost_scene='local')
    send(scene, at(850), 0.0)
    for now_s in range(1, 20):
        assert windows_of(send(scene, at(850, world=ELSEWHERE), now_s)[1]) == 0
    assert windows_of(send(scene, at(860), 20)[1]) > 0


def test_no_more_scenes_a_minute_begin_than_the_rule_allows():
    """Beyond that nothing leaves."""
    scene = scene_of(scenes_per_minute=2)
    send(scene, at(850), 0.0)
    for number in range(6):
        world = drawn_world(500, 660, seed=20 + number)
        for part in range(3):
            send(scene, shot(world, shift(10, 10)).rgb, 1 + number + part * 0.33)
    assert scene.totals.scenes == 3


def test_a_scene_that_is_found_again_counts_again():
    """What a worker saw before the camera was elsewhere is not forgotten."""
    scene = scene_of()
    send(scene, at(850), 0.0)
    before = dict(scene.coverage)
    for now_s in (1, 2, 3):
        send(scene, at(850, world=ELSEWHERE), now_s)
    sight, _ = send(scene, at(850), 4)
    assert sight.state is State.FOUND
    assert all(abs(sight.coverage[name] - before[name]) < 0.02 for name in before)


def test_a_blurred_frame_in_a_pan_changes_nothing():
    """It is lost, and the next one is found."""
    scene, states = scene_of(max_coverage=0.40), []
    for number, each in enumerate(pan(WORLD, 300, 20)):
        rgb = cv2.blur(each.rgb, (121, 61)) if number == 7 else each.rgb
        states.append(send(scene, rgb, number / 10)[0].state)
    assert states == [State.NEW, *[State.FOUND] * 6, State.LOST, *[State.FOUND] * 8]


def test_a_place_seen_long_ago_is_found_by_a_camera_that_was_lost():
    """Not only the one where it was last."""
    scene = scene_of(on_lost_scene='local')
    for number, x in enumerate(range(400, 1280, 40)):
        send(scene, at(x), 0.1 * number)
    for number in range(4):
        assert send(scene, at(640, world=ELSEWHERE), 10 + number)[0].state is State.LOST
    assert send(scene, at(410), 20.0)[0].state is State.FOUND


def test_a_frame_that_cannot_be_followed_begins_no_scene():
    """However long ago the one before came: after a pause, or at 1 Hz. 0.3 s count from it on."""
    rules = NewScenes(4, restarted=False)
    assert not rules.may_begin(1.0, 1)
    assert not rules.may_begin(1.2, 2)
    assert rules.may_begin(2.0, 3)
    rules.found()
    assert not rules.may_begin(60.0, 1)


def test_what_two_views_learn_from_each_other_does_not_grow():
    """A rim along what was seen is an error of registration; a wider part is new, rim included."""
    seen = np.zeros((80, 80), np.uint16)
    seen[20:40, 20:40] = 2
    more = np.zeros_like(seen)
    more[19:42, 19:42] = 2
    assert not without_rims(more & ~seen, seen).any()
    more[20:40, 40:50] = 2
    kept = without_rims(more & ~seen, seen)
    assert (kept[20:40, 40:50] == 2).all()
    more[60:62, 60:70] |= 4
    assert (without_rims(more & ~seen, seen)[60:62, 60:70] == 4).all()
