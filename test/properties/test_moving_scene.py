"""Whatever the camera does: nothing that is sent brings a worker above its cap."""

import functools

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from moving_scenes import drawn_world, shot
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.errors import ConfigError, ExposureError
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.planes import shift
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.sight import State
from pedsam_ros.core.workers_file import WorkerEntry

ARCH = ARCHITECTURES['vit_tiny']
SLOW = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
RULES = settings(max_examples=60, deadline=None)
NAMES = 'abcde'
SIZES = st.sampled_from([(240, 320), (180, 320), (240, 240)])
STEPS = st.one_of(
    st.tuples(
        st.just('move'), st.integers(-120, 120), st.integers(-60, 60), st.floats(0.7, 1.4), SIZES
    ),
    st.tuples(st.just('room'), st.integers(0, 2)),
    st.tuples(st.just('black')),
    st.tuples(st.just('restart'), st.integers(0, 3)),
    st.tuples(st.just('late'), st.sampled_from(NAMES[:3])),
    st.tuples(st.just('greedy'), st.sampled_from(NAMES[:3])),
)


@functools.cache
def room(number):
    """One of three rooms."""
    return drawn_world(500, 800, seed=40 + number)


class Camera:
    """A camera, and the edge behind it, with a file."""

    def __init__(self, count, cap, rule):
        self.workers = [WorkerEntry(name=n, domain_id=i + 1) for i, n in enumerate(NAMES[:count])]
        self.cap, self.rules = cap, PlacementConfig(max_coverage=cap, on_lost_scene=rule)
        self.scene = Scene(ARCH, self.workers, placement=self.rules)
        self.file, self.now_s, self.old = self.scene.to_bytes(), 0.0, None
        self.x, self.y, self.zoom, self.size, self.room = 400.0, 250.0, 1.0, (240, 320), 0

    def picture(self):
        """What it shows."""
        matrix = np.array([[1 / self.zoom, 0, self.x], [0, 1 / self.zoom, self.y], [0, 0, 1.0]])
        height, width = self.size
        return shot(room(self.room), matrix @ shift(-width / 2, -height / 2), *self.size).rgb

    def step(self, what, *how):
        """Does one thing, and shows a frame."""
        self.now_s += 0.2
        if what == 'move':
            self.x, self.y = np.clip(self.x + how[0], 170, 630), np.clip(self.y + how[1], 130, 370)
            self.zoom, self.size = how[2], how[3]
        elif what == 'room':
            (self.room,) = how
        elif what == 'restart':
            torn = self.file + b'S\x40\0\0\0torn'[: how[0]]
            self.scene = Scene.from_bytes(torn, ARCH, self.workers, placement=self.rules)
            self.old = None
            self.now_s = 0.0
        rgb = np.zeros((*self.size, 3), np.uint8) if what == 'black' else self.picture()
        sight = self.scene.look(rgb, self.now_s)
        chosen = dict.fromkeys(sight.homes, how[0]) if what == 'greedy' else sight.homes
        self.send(sight, chosen)
        if what == 'late' and self.old:
            self.send(self.old, dict.fromkeys(self.old.homes, how[0]))
        self.old = sight

    def send(self, sight, wanted):
        """Sends what may be sent, and checks that nobody came above the cap by it."""
        scene = self.scene
        scene.note(sight, {})
        before = scene.covered(sight)
        plan = scene.allowed(sight, wanted)
        sent = {index for index, who in plan.items() if who}
        assert not sent or sight.state is not State.LOST
        self.file += scene.note(sight, plan)
        after = scene.covered(sight)
        for name, share in after.items():
            assert share <= max(self.cap, before[name]) + 1e-9, (name, before, after)


@SLOW
@given(
    st.integers(2, 5),
    st.sampled_from([0.25, 0.36, 0.5]),
    st.sampled_from(['new', 'local']),
    st.lists(STEPS, min_size=1, max_size=10),
)
def test_no_schedule_brings_a_worker_above_its_cap(count, cap, rule, steps):
    """Motion, zoom, other rooms, losses, restarts, late and greedy plans, in any order."""
    camera = Camera(count, cap, rule)
    camera.step('move', 0, 0, 1.0, (240, 320))
    for what, *how in steps:
        if how and str(how[0]) in NAMES[count:]:
            continue
        camera.step(what, *how)


def written():
    """What an edge wrote in a few frames."""
    camera = Camera(3, 0.4, 'new')
    for step in range(4):
        camera.step('move', 30 * step, 0, 1.0, (240, 320))
    return camera.file


@functools.cache
def valid():
    """The same each time."""
    return written()


@RULES
@given(st.data())
def test_changed_bytes_are_refused_or_harmless(data):
    """Up to three places are changed, cut out or repeated."""
    changed = bytearray(valid())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(changed)))
        end = data.draw(st.integers(start, min(len(changed), start + 50)))
        changed[start:end] = data.draw(st.binary(max_size=50))
    workers = Camera(3, 0.4, 'new').workers
    try:
        scene = Scene.from_bytes(bytes(changed), ARCH, workers)
    except ConfigError:
        return
    sight = scene.look(Camera(3, 0.4, 'new').picture(), 0.0)
    try:
        scene.note(sight, sight.homes)
    except ExposureError:
        return
    assert scene.to_bytes()
