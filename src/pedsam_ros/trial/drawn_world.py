"""A picture full of things, for cameras that move over it."""

from __future__ import annotations

import cv2
import numpy as np

from pedsam_ros.core.types import Pixels


def drawn_world(height: int, width: int, seed: int = 0) -> Pixels:
    """(height, width, 3) uint8: random ellipses and boxes over a smooth ground."""
    draw = np.random.default_rng(seed)
    ground = draw.integers(60, 200, (height // 60 + 2, width // 60 + 2, 3), np.uint8)
    world = cv2.resize(ground, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(height * width // 1500):
        x, y = int(draw.integers(width)), int(draw.integers(height))
        a, b = (int(each) for each in draw.integers(4, 40, 2))
        colour = tuple(int(each) for each in draw.integers(0, 256, 3))
        if draw.random() < 0.5:
            cv2.ellipse(world, (x, y), (a, b), float(draw.integers(180)), 0, 360, colour, -1)
        else:
            cv2.rectangle(world, (x, y), (x + a, y + b), colour, -1)
    return np.asarray(cv2.GaussianBlur(world, (0, 0), 0.8), np.uint8)
