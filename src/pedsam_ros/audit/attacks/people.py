"""Finds people who stand or walk, with OpenCV's detector (Dalal and Triggs 2005)."""

from __future__ import annotations

import cv2
import numpy as np

from pedsam_ros.audit.attack import Boxes, History, Needs, Seen
from pedsam_ros.audit.cascades import boxes, enlarged
from pedsam_ros.core.types import Pixels

NEEDS = Needs.CONTENT
_SIDE_PX = 640  # people of 128 px and more are found
_WINDOW_PX = (128, 64)  # height and width of what the detector looks at
_LEAST = 0.3  # distance from the detector's plane; fewer false ones than at 0


def attack(view: Pixels, seen: Seen, history: History) -> Boxes | None:
    """Boxes around people; None if OpenCV came without the detector."""
    if not hasattr(cv2, 'HOGDescriptor'):
        return None
    detector = cv2.HOGDescriptor()
    detector.setSVMDetector(np.asarray(cv2.HOGDescriptor.getDefaultPeopleDetector()))
    large, scale = enlarged(view, _SIDE_PX)
    missing = [max(0, least - have) for least, have in zip(_WINDOW_PX, large.shape, strict=False)]
    border = 0, missing[0], 0, missing[1], cv2.BORDER_REPLICATE  # it crashes on less
    large = np.asarray(cv2.copyMakeBorder(large, *border), np.uint8)
    found, weights = detector.detectMultiScale(large, winStride=(8, 8), padding=(8, 8))
    sure = [box for box, weight in zip(found, weights, strict=True) if float(weight) >= _LEAST]
    return boxes(sure, scale)
