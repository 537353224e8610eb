"""How the windows of a frame lie, and whose each of them is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pedsam_ros.core.shift import Shift
from pedsam_ros.core.sight import Sight, State
from pedsam_ros.core.windows import Canvas


@dataclass(frozen=True, slots=True, eq=False)
class Laid:
    """The windows of a frame."""

    canvas: Canvas
    homes: Mapping[int, str]  # of every window with content: a worker, or LOCAL
    sight: Sight | None = None  # None if windows are fixed to the image

    @property
    def shift(self) -> Shift | None:
        """How far partition and content are moved; None if windows are fixed to the image."""
        return self.canvas.shift if self.sight else None

    @property
    def lost(self) -> bool:
        """Whether it is not known what the frame shows. Then nothing of it may leave."""
        return self.sight is not None and self.sight.state is State.LOST

    def as_in(self, other: Laid) -> bool:
        """Whether each window lies where it lay in another frame, in the image and in the
        scene."""
        if self.lost or other.lost or self.canvas != other.canvas:
            return False
        return self._cells == other._cells

    @property
    def _cells(self) -> tuple[int, tuple[int, int] | None] | None:
        """What tells the cells from those of other frames: their scene, and where they begin."""
        if self.sight is None or self.sight.located is None:
            return None
        return self.sight.located.keyframe.scene, self.sight.origin
