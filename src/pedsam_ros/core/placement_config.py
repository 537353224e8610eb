"""The settings that say which worker may see what."""

from __future__ import annotations

from dataclasses import dataclass

from pedsam_ros.core.common_settings import share
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.settings import check_fields, setting

ON_CAP = ('local', 'stale', 'fail')
ANCHORS = ('scene', 'image')
ON_LOST_SCENE = ('new', 'local')


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementConfig:
    """Which worker may see which window. scene.py applies it to a camera that moves, placement.py
    to one that stands still. Raises ConfigError."""

    anchor: str = setting(
        'scene',
        'what windows are fixed to (scene, also for a camera that moves, needs the '
        "worker's half of the weights; image is for a camera that never moves)",
        choices=ANCHORS,
    )
    max_coverage: float = share(
        0.0,
        'largest share of what the camera shows that one worker may ever have seen, with anchor '
        'scene (0 takes what the lattice gives, and 0.06)',
    )
    on_cap: tuple[str, ...] = setting(
        ('local',),
        'what replaces a worker that must not see a window, tried in this order; the frame fails '
        'if nothing applies',
        each=ON_CAP,
    )
    on_lost_scene: str = setting(
        'new',
        'what comes when the edge no longer knows what the camera looks at (new begins a new '
        'scene, local waits until a known view is found again)',
        choices=ON_LOST_SCENE,
    )
    scenes_per_minute: int = setting(
        4, 'largest number of new scenes in a minute, besides the first', low=0, high=60
    )
    max_share: float = share(
        0.0,
        "largest share of the window positions' content that one worker may see, with anchor "
        'image (0 takes what the lattice gives)',
    )
    adjacency: int = setting(
        0,
        'neighbouring windows that one worker must not have (4 forbids a common side, '
        '8 also a common corner, 0 forbids nothing)',
        choices=(0, 4, 8),
    )
    local_windows: tuple[int, ...] = setting(
        (),
        'indices (row by row, 0 at the top left) of windows that never leave the edge; '
        "needs the worker's half of the weights",
        example=(0, 1),
    )
    session_key: str = setting(
        '', 'a new text deals the windows to other workers; keep one text for a whole session'
    )

    def __post_init__(self) -> None:
        check_fields(self)
        if self.anchor == 'image' and self.max_coverage:
            raise ConfigError(
                f'max_coverage={self.max_coverage}: needs anchor=scene; max_share is for image'
            )
