"""Finds faces that look into the camera, with OpenCV's cascade (Viola and Jones 2001)."""

from __future__ import annotations

import cv2

from pedsam_ros.audit.attack import Boxes, History, Needs, Seen
from pedsam_ros.audit.cascades import boxes, cascade, enlarged
from pedsam_ros.core.types import Pixels

NEEDS = Needs.CONTENT
_SIDE_PX = 1024
_STEP, _NEIGHBOURS = 1.1, 5  # OpenCV's usual settings


def attack(view: Pixels, seen: Seen, history: History) -> Boxes | None:
    """Boxes around faces; None if OpenCV came without its cascades."""
    detector = cascade()
    if detector is None:
        return None
    large, scale = enlarged(view, _SIDE_PX)
    grey = cv2.equalizeHist(cv2.cvtColor(large, cv2.COLOR_RGB2GRAY))
    return boxes(detector.detectMultiScale(grey, _STEP, _NEIGHBOURS), scale)
