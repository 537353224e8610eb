"""Gives every unseen pixel the colour of the nearest seen one."""

from __future__ import annotations

import cv2
import numpy as np

from pedsam_ros.audit.attack import History, Needs, Picture, Seen
from pedsam_ros.audit.attacks import mean
from pedsam_ros.core.types import Pixels

NEEDS = Needs.FRAME


def attack(view: Pixels, seen: Seen, history: History) -> Picture:
    """Copies colours over Euclidean distances; grey if nothing was seen."""
    if not seen.any():
        return mean.filled(view, seen)
    unseen = (~seen).astype(np.uint8)
    labels = cv2.distanceTransformWithLabels(
        unseen, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )[1]
    colours = np.zeros((int(labels.max()) + 1, 3), np.float32)
    colours[labels[seen]] = view[seen]
    return np.asarray(colours[labels], np.float32)
