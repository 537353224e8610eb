"""What windows are fixed to: the image, for a camera that never moves, or the scene.

An anchor lays the windows of each frame, and knows what every worker has seen by that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.laid import Laid
from pedsam_ros.core.ledger import Ledger
from pedsam_ros.core.planes import Matrix
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas


class Anchor(Protocol):
    """`plan` maps windows to a worker, LOCAL or STALE; `sends` maps workers to their windows."""

    @property
    def homes(self) -> Collection[str]:
        """The workers that are the home of any window; with LOCAL if some never leave."""

    def lay(self, rgb: Pixels, now_s: float, turn: Matrix | None = None) -> Laid:
        """Lays the windows of a frame, (H, W, 3) uint8. `turn` is a hint: how the camera turned
        since the frame before, see turns.py. Raises BadImage if the frame is empty."""

    def held(self, laid: Laid, plan: Mapping[int, str]) -> set[int]:
        """The windows of a plan that must not leave, because of what was seen before."""

    def note(
        self, laid: Laid, sends: Mapping[str, Sequence[int]], frames: int, unix_s: float
    ) -> None:
        """Notes what is about to leave; `frames` is 1 for a frame that starts, 0 later. Raises
        ExposureError, and notes nothing, if it must not."""


def anchor_of(arch: Architecture, ledger: Ledger, scene: Scene | None) -> Anchor:
    """The scene if there is one, else the image."""
    return SceneAnchor(scene, ledger) if scene else ImageAnchor(arch, ledger)


class ImageAnchor:
    """Windows lie where SAM has them, and have the homes of the ledger."""

    def __init__(self, arch: Architecture, ledger: Ledger) -> None:
        self._arch, self._ledger = arch, ledger
        self.homes = frozenset(ledger.homes.values())

    def lay(self, rgb: Pixels, now_s: float, turn: Matrix | None = None) -> Laid:
        """Lays the windows of a frame: the same for all frames of one size."""
        return Laid(Canvas.fit(self._arch, *rgb.shape[:2]), self._ledger.homes)

    def held(self, laid: Laid, plan: Mapping[int, str]) -> set[int]:
        """None: who may see a window at all may see it always."""
        return set()

    def note(
        self, laid: Laid, sends: Mapping[str, Sequence[int]], frames: int, unix_s: float
    ) -> None:
        """Notes window positions in the ledger. Raises ExposureError."""
        self._ledger.admit(sends, laid.canvas, frames, unix_s)


class SceneAnchor:
    """Windows stay still in the scene. The ledger knows when a worker was sent anything, and whom
    a spare replaces; the scene knows what was seen."""

    def __init__(self, scene: Scene, ledger: Ledger) -> None:
        self._scene, self._ledger = scene, ledger
        self.homes = frozenset(scene.lattice.names)

    def lay(self, rgb: Pixels, now_s: float, turn: Matrix | None = None) -> Laid:
        """Finds a frame in the scene, and lays its windows there. Raises BadImage."""
        sight = self._scene.look(rgb, now_s, turn)
        return Laid(sight.canvas, sight.homes, sight)

    def held(self, laid: Laid, plan: Mapping[int, str]) -> set[int]:
        """Those that would show a worker more of the view than the cap; all of a frame that is
        lost."""
        assert laid.sight is not None  # `lay` made it
        return self._scene.held(laid.sight, plan)

    def note(
        self, laid: Laid, sends: Mapping[str, Sequence[int]], frames: int, unix_s: float
    ) -> None:
        """Notes in the scene what is shown. Raises ExposureError."""
        assert laid.sight is not None
        self._ledger.check_room(sends)
        plan = {index: worker for worker, windows in sends.items() for index in windows}
        self._scene.unsaved += self._scene.note(laid.sight, plan)
        self._ledger.count(sends, frames, unix_s)
