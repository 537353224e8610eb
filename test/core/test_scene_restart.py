"""What is known of a scene after a restart."""

import numpy as np
import pytest

from moving_scenes import pan
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.planes import moderate
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.sight import State
from watched_scenes import ARCH, ELSEWHERE, WORKERS, WORLD, at, scene_of, send, windows_of


def restarted(data, **rules):
    """What another process makes of bytes."""
    return Scene.from_bytes(data, ARCH, WORKERS, placement=PlacementConfig(**rules))


def test_a_restart_is_no_way_to_see_more():
    """What was written in the file, a frame at a time, counts as soon as the place is found."""
    scene = scene_of(max_coverage=0.40)
    data = scene.to_bytes()
    for each in pan(WORLD, 120, 20):
        sight = scene.look(each.rgb, 0.0)
        data += scene.note(sight, scene.allowed(sight, sight.homes))
    again = restarted(data, max_coverage=0.40)
    sight = again.look(each.rgb, 100.0)
    assert sight.state is State.FOUND
    assert all(-0.005 < sight.coverage[w] - scene.coverage[w] < 0.05 for w in scene.coverage)
    whole = restarted(scene.to_bytes()).look(each.rgb, 100.0)
    assert all(abs(whole.coverage[w] - scene.coverage[w]) < 0.02 for w in scene.coverage)


def test_after_a_restart_nothing_leaves_before_the_scene_is_known():
    """It takes a minute until another one may begin, however often the process restarts."""
    scene = scene_of()
    send(scene, at(850))
    again = restarted(scene.to_bytes())
    for now_s in (0.0, 1.0, 30.0, 59.0):
        assert windows_of(send(again, at(850, world=ELSEWHERE), now_s)[1]) == 0
    assert send(again, at(850, world=ELSEWHERE), 61.0)[0].state is State.NEW


def test_a_last_entry_that_is_cut_off_was_never_sent():
    """A crash while it was written leaves the rest readable."""
    scene = scene_of()
    data = scene.to_bytes()
    sight = scene.look(at(850), 0.0)
    first = scene.note(sight, sight.homes)
    sight = scene.look(at(950), 0.1)
    second = scene.note(sight, scene.allowed(sight, sight.homes))
    assert restarted(data + first + second[:-5]).look(at(850), 9.0).state is State.FOUND


def test_a_file_that_is_cut_off_is_refused():
    """It was never written so: what is lost of it was seen."""
    scene = scene_of()
    send(scene, at(850))
    data = scene.to_bytes()
    for length in range(13, len(data), len(data) // 20):
        with pytest.raises(ConfigError, match='cut off'):
            restarted(data[:length])


def test_a_worker_keeps_what_it_saw_under_another_name():
    """Whoever has the key has seen the windows."""
    keys = {'a': ('A' * 43 + '=',), 'b': ('B' * 43 + '=',), 'c': ('C' * 43 + '=',)}
    scene = Scene(ARCH, WORKERS, identities=keys)
    send(scene, at(850))
    swapped = {'a': keys['b'], 'b': keys['a'], 'c': keys['c']}
    again = Scene.from_bytes(scene.to_bytes(), ARCH, WORKERS, identities=swapped)
    found = again.look(at(850), 0.0).coverage
    assert found['a'] == pytest.approx(scene.coverage['b'], abs=0.01)
    assert found['b'] == pytest.approx(scene.coverage['a'], abs=0.01)


@pytest.mark.parametrize(
    ('data', 'said'),
    [(b'', 'begins with something else'), (b'PEDSAM-SCENE\x02', 'begins with something else')],
)
def test_other_bytes_are_refused(data, said):
    """Whatever they are."""
    with pytest.raises(ConfigError, match=said):
        restarted(data)


def test_a_place_is_found_after_a_restart_in_another_room():
    """The first frames show what is not known; every view is tried again and again."""
    scene = scene_of()
    send(scene, at(850))
    again = restarted(scene.to_bytes())
    for number in range(3):
        assert send(again, at(850, world=ELSEWHERE), 0.1 * number)[0].state is State.LOST
    assert send(again, at(860), 0.4)[0].state is State.FOUND


def test_poses_do_not_become_extreme_on_a_long_way():
    """Straight on, each view is a part of the one before; the file must be readable for ever."""
    scene = scene_of()
    send(scene, at(500))
    (keyframe,) = scene._record.keyframes
    keyframe.pose = np.diag([5e-3, 5e-3, 1.0])
    for number, x in enumerate(range(540, 900, 40), 1):
        send(scene, at(x), 0.1 * number)
    assert len(scene._record.keyframes) > 1
    assert all(moderate(each.pose) for each in scene._record.keyframes)
    again = restarted(scene.to_bytes())
    assert again.look(at(510), 9.0).state is State.FOUND
    assert sum(again.coverage.values()) > 0.9


def test_keys_may_change_as_often_as_the_scene_is_reset():
    """Those that nobody has any more are forgotten with what they saw."""
    letters = 'ABCDEFGH'
    data = scene_of().to_bytes()
    for letter in letters:
        keys = {name: (f'{letter}{name}' + 'x' * 41 + '=',) for name in 'abc'}
        scene = Scene.from_bytes(data, ARCH, WORKERS, identities=keys)
        send(scene, at(850))
        scene.reset()
        data = scene.to_bytes()
    assert len(scene._record.identities) == 3


def test_other_homes_than_before_are_told():
    """Another order of workers, or another number; the cap holds all the same."""
    scene = scene_of()
    send(scene, at(850))
    data = scene.to_bytes()
    assert not Scene.from_bytes(data, ARCH, WORKERS).homes_changed
    turned = Scene.from_bytes(data, ARCH, [WORKERS[1], WORKERS[2], WORKERS[0]])
    assert turned.homes_changed
    sight, _ = send(turned, at(850), 1.0)
    assert max(turned.coverage.values()) <= turned.cap(sight.canvas)
