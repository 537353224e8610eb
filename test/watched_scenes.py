"""A scene of three workers, and a camera that looks at drawn worlds."""

from typing import Any

from moving_scenes import drawn_world, shot, turned
from pedsam_ros.core.architecture import ARCHITECTURES
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.sight import Sight
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.workers_file import WorkerEntry

ARCH = ARCHITECTURES['vit_tiny']
WORLD = drawn_world(900, 1700)
ELSEWHERE = drawn_world(900, 1700, seed=7)
WORKERS = [WorkerEntry(name=name, domain_id=n + 1) for n, name in enumerate('abc')]


def scene_of(**rules: Any) -> Scene:
    """A new scene of three workers."""
    return Scene(ARCH, WORKERS, placement=PlacementConfig(**rules))


def send(scene: Scene, rgb: Pixels, now_s: float = 0.0) -> tuple[Sight, dict[int, str]]:
    """Shows one frame to a scene and sends what may be sent. Returns the sight and the plan."""
    sight = scene.look(rgb, now_s)
    plan = scene.allowed(sight, sight.homes)
    scene.note(sight, plan)
    return sight, plan


def at(x: float, y: float = 450, world: Pixels = WORLD, zoom: float = 1.0) -> Pixels:
    """A frame whose middle is at x, y of a world."""
    return shot(world, turned(x, y, zoom)).rgb


def windows_of(plan: dict[int, str]) -> int:
    """How many windows left."""
    return sum(who != LOCAL for who in plan.values())
