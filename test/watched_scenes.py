"""A scene of three workers, and a camera that looks at drawn worlds."""

from moving_scenes import drawn_world, shot, turned
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.workers_file import WorkerEntry

ARCH = ARCHITECTURES['vit_tiny']
WORLD = drawn_world(900, 1700)
ELSEWHERE = drawn_world(900, 1700, seed=7)
WORKERS = [WorkerEntry(name=name, domain_id=n + 1) for n, name in enumerate('abc')]


def scene_of(**rules):
    """A new scene of three workers."""
    return Scene(ARCH, WORKERS, placement=PlacementConfig(**rules))


def send(scene, rgb, now_s=0.0):
    """Shows one frame to a scene and sends what may be sent. Returns the sight and the plan."""
    sight = scene.look(rgb, now_s)
    plan = scene.allowed(sight, sight.homes)
    scene.note(sight, plan)
    return sight, plan


def at(x, y=450, world=WORLD, zoom=1.0):
    """A frame whose middle is at x, y of a world."""
    return shot(world, turned(x, y, zoom)).rgb


def windows_of(plan):
    """How many windows left."""
    return sum(who != LOCAL for who in plan.values())
