"""Finds the face detector that comes with OpenCV, which not every packaging brings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pedsam_ros.audit.attack import Boxes
from pedsam_ros.core.types import Pixels

FACES = 'haarcascade_frontalface_default.xml'
_FOLDERS = ('/usr/share/opencv4/haarcascades', '/usr/share/opencv/haarcascades')  # opencv-data
_NO_BOXES = np.zeros((0, 4), np.float32)


def cascade(name: str = FACES) -> Any | None:
    """A classifier of OpenCV's; None if its file, or the class, is not installed."""
    data = getattr(cv2, 'data', None)
    folders = ([data.haarcascades] if data is not None else []) + list(_FOLDERS)
    make = getattr(cv2, 'CascadeClassifier', None)
    for path in (Path(folder) / name for folder in folders):
        if make is not None and path.is_file():
            made = make(str(path))
            return None if made.empty() else made
    return None


def enlarged(picture: Pixels, side_px: int) -> tuple[Pixels, float]:
    """The picture with a long side of `side_px`, and by how much it was scaled."""
    scale = side_px / max(picture.shape[:2])
    size = round(picture.shape[1] * scale), round(picture.shape[0] * scale)
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    return np.asarray(large, np.uint8), scale


def boxes(found: Any, scale: float) -> Boxes:
    """OpenCV's x, y, width, height of an enlarged picture -> x0, y0, x1, y1 of the picture."""
    if not len(found):
        return _NO_BOXES
    x, y, width, height = np.asarray(found, np.float32).T / np.float32(scale)
    return np.stack([x, y, x + width, y + height], axis=1)
