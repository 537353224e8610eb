"""Lays the remembered views of one scene side by side, with what each worker has seen of them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core import planes
from pedsam_ros.core.keyframes import Keyframe, margin
from pedsam_ros.core.planes import Matrix
from pedsam_ros.core.scene_record import SceneRecord

Mask = NDArray[np.bool_]
_MOST_PX = 1024  # of the map's longer side
_MOST_VIEWS = 16.0  # widths of a view that the map reaches to each side; views beyond are left out


@dataclass(frozen=True, slots=True, eq=False)
class SceneMap:
    """A scene from above all its views, (h, w)."""

    views: int
    shown: Mask  # what the camera has shown
    seen: dict[str, Mask]  # identity -> what that worker has seen

    def coverage(self, identity: str) -> float:
        """The share of the scene that a worker has seen, 0..1."""
        return float(self.seen[identity].sum() / max(1, self.shown.sum()))


def last_scene(record: SceneRecord) -> SceneMap | None:
    """The scene that was used last; None if there is none."""
    keyframes = list(record.keyframes)
    if not keyframes:
        return None
    near = [each for each in keyframes if each.scene == keyframes[0].scene]
    onto = [np.linalg.inv(keyframes[0].pose) @ each.pose for each in near]
    width = keyframes[0].size[1]
    placed = [
        (each, matrix / matrix[2, 2])
        for each, matrix in zip(near, onto, strict=True)
        if _reach(each, matrix) < _MOST_VIEWS * width
    ]
    return _drawn(placed, record.identities)


def _reach(keyframe: Keyframe, matrix: Matrix) -> float:
    """How far the view reaches from the middle of the map; infinite if it has no place there."""
    ends = planes.applied(matrix, planes.corners(keyframe.size))
    return float(np.abs(ends).max()) if np.isfinite(ends).all() else float('inf')


def _drawn(placed: list[tuple[Keyframe, Matrix]], identities: list[str]) -> SceneMap:
    ends = np.concatenate([planes.applied(m, planes.corners(k.size)) for k, m in placed])
    low, high = ends.min(0), ends.max(0)
    scale = min(1.0, _MOST_PX / float((high - low).max()))
    width, height = (max(1, int(each)) for each in np.ceil((high - low) * scale))
    place = np.diag([scale, scale, 1.0]) @ planes.shift(-float(low[0]), -float(low[1]))
    shown, bits = np.zeros((height, width), bool), np.zeros((height, width), np.uint16)
    for keyframe, matrix in placed:
        (top, left), (rows, columns) = margin(keyframe.size), keyframe.size
        seen = keyframe.seen[top : top + rows, left : left + columns]
        for picture, onto in ((np.ones(keyframe.size, np.uint16), shown), (seen, bits)):
            found = cv2.warpPerspective(
                picture, place @ matrix, (width, height), flags=cv2.INTER_NEAREST
            )
            onto |= np.asarray(found).astype(onto.dtype)
    masks = {
        identity: (bits & np.uint16(1 << number)) > 0 for number, identity in enumerate(identities)
    }
    return SceneMap(len(placed), shown, masks)
