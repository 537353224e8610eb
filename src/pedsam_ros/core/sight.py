"""What the edge knows of a frame that was looked for in the scene."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from pedsam_ros.core.cells import Origin
from pedsam_ros.core.coverage import Box
from pedsam_ros.core.planes import Size
from pedsam_ros.core.view import Located
from pedsam_ros.core.windows import Canvas


class State(Enum):
    """How a frame was found."""

    FOUND = 'found'
    NEW = 'new'  # a new scene begins with it
    LOST = 'lost'  # nothing of it may leave


@dataclass(frozen=True, slots=True, eq=False)
class Sight:
    """A frame, and where it lies in the scene."""

    state: State
    canvas: Canvas  # shifted
    homes: Mapping[int, str]  # of every window with content; LOCAL while the camera is lost
    coverage: Mapping[str, float]  # of every worker, before anything of this frame is sent
    size: Size  # of the small picture
    boxes: Mapping[int, Box]  # of the windows in the small picture
    located: Located | None  # None while the camera is lost
    origin: Origin | None  # of the cells; None while the camera is lost


@dataclass(slots=True)
class Totals:
    """What happened so far."""

    frames: int = 0
    lost: int = 0
    scenes: int = 0
    largest: dict[str, float] = field(default_factory=dict)  # coverage of each worker

    def add(self, coverage: Mapping[str, float]) -> None:
        """Notes the coverage of a frame."""
        for worker, now in coverage.items():
            self.largest[worker] = max(now, self.largest.get(worker, 0.0))
