"""A tiny subject of an audit: random weights, drawn pictures, no data of others."""

from typing import Any

import cv2
import numpy as np

from fakes import edge_half, weights
from pedsam_ros.audit.scenes import Scene
from pedsam_ros.audit.subject import Subject


def drawn(seed: int, height: int = 192, width: int = 256) -> np.ndarray:
    """(H, W, 3) uint8: a few soft shapes."""
    random = np.random.default_rng(seed)
    small = random.integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)


def subject(stills: int = 2, **more: Any) -> Subject:
    """Some drawn stills in front of the tiny model."""
    scenes = [Scene(f'drawn{seed}', [drawn(seed)]) for seed in range(stills)]
    given = {'stills': scenes, 'motion': (), 'ideal': False, **more}
    return Subject(weights=weights(), model=edge_half(), **given)
