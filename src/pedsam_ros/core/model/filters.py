"""What makes a candidate one of the automatic masks: SAM's filters.

Source: SAM automatic_mask_generator.py.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.model.masks import Shape
from pedsam_ros.core.types import Mask

NO_PROMPT = -1  # of masks that answer none
Box = tuple[float, float, float, float]  # x, y, width, height


def steady(shape: Shape, config: AutomaticConfig) -> Shape | None:
    """The shape, cleaned; None if it is not stable enough. SAM compares in float32."""
    if shape.stability(config.stability_score_offset) < np.float32(config.stability_score_thresh):
        return None
    return shape.cleaned(config.min_area_px)


def best_boxes(boxes: Sequence[Box], scores: Sequence[float], threshold: float) -> list[int]:
    """The boxes left by non-maximum suppression: their indices, that of the highest score first.

    Sides of boxes are last minus first pixel, as in SAM.
    """
    sides = [(x, y, max(0, w - 1), max(0, h - 1)) for x, y, w, h in boxes]
    lift = 1 - min(scores, default=0.0)  # OpenCV skips scores below 0
    kept = cv2.dnn.NMSBoxes(sides, [score + lift for score in scores], 0.0, threshold)
    return [int(i) for i in np.asarray(kept, int).reshape(-1)]


def without_duplicates(found: Sequence[Mask], threshold: float) -> tuple[Mask, ...]:
    """The masks left by non-maximum suppression of their boxes, that of highest score first."""
    boxes, scores = [mask.box for mask in found], [mask.score for mask in found]
    return tuple(found[i] for i in best_boxes(boxes, scores, threshold))
