"""OpenCV's in-painting, as attacks use it."""

from __future__ import annotations

import cv2
import numpy as np

from pedsam_ros.audit.attack import Picture, Seen
from pedsam_ros.core.outbound import GREY
from pedsam_ros.core.types import Pixels

_RADIUS_PX = 5.0  # around a pixel, from which its colour is taken


def inpainted(view: Pixels, seen: Seen, method: int) -> Picture:
    """(H, W, 3) float32: the view filled by one of OpenCV's methods; grey if nothing was seen."""
    if not seen.any():
        return np.full(view.shape, GREY, np.float32)
    unseen = (~seen).astype(np.uint8)
    known = np.where(seen[..., None], view, GREY).astype(np.uint8)  # its gradients reach into gaps
    filled = cv2.inpaint(known, unseen, _RADIUS_PX, method)
    return np.where(seen[..., None], view, filled).astype(np.float32)
