"""Moves a view over photographs that come with scikit-image, as if a camera moved.

The demo and `pedsam camera` show it if the user gives no images.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.files import read_image
from pedsam_ros.core.types import Pixels

_PHOTOS = ('astronaut.png', 'coffee.png', 'motorcycle_left.png', 'rocket.jpg', 'chelsea.png')
_SIZE = (640, 480)  # width, height of a frame, px
_VIEW = 0.75  # side of the view, as a share of the largest view that fits into the photograph
_RATE_HZ = 10


def panned_photos(per_photo: int = 6) -> Iterator[tuple[int, Pixels]]:
    """Yields (stamp in ns, (480, 640, 3) uint8 RGB); the view moves over one photograph at a time.

    Raises ConfigError if scikit-image is not installed.
    """
    paths = photo_paths()
    for i in range(per_photo * len(paths)):
        photo = read_image(paths[i // per_photo])
        view = _view(photo, (i % per_photo) / max(1, per_photo - 1))
        yield (i + 1) * 10**9 // _RATE_HZ, view


def photo_paths() -> list[Path]:
    """The photographs in scikit-image's wheel, found without importing it. Raises ConfigError."""
    spec = importlib.util.find_spec('skimage')
    if spec is None or spec.origin is None:
        raise ConfigError('the photographs are in scikit-image: install requirements/photos.txt')
    return [Path(spec.origin).parent / 'data' / name for name in _PHOTOS]


def _view(photo: Pixels, progress: float) -> Pixels:
    """The view at `progress` 0..1 of its way from the photo's top left to its bottom right."""
    height, width = photo.shape[:2]
    scale = _VIEW * min(width / _SIZE[0], height / _SIZE[1])
    w, h = int(_SIZE[0] * scale), int(_SIZE[1] * scale)
    x, y = int((width - w) * progress), int((height - h) * progress)
    part = photo[y : y + h, x : x + w]
    return np.asarray(cv2.resize(part, _SIZE, interpolation=cv2.INTER_AREA), np.uint8)
