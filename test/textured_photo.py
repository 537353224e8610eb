"""A photograph that is drawn, in which no part looks like another."""

import cv2
import numpy as np


def photo(seed=0):
    """(300, 600, 3) uint8: blots of many sizes, so that every part of it looks like no other."""
    random = np.random.default_rng(seed)
    whole = np.zeros((300, 600, 3), np.float32)
    for size in (4, 12, 40):
        coarse = random.normal(0, 1, (300 // size + 2, 600 // size + 2, 3)).astype(np.float32)
        whole += cv2.resize(coarse, (600, 300), interpolation=cv2.INTER_CUBIC)
    return np.clip(128 + 45 * whole, 0, 255).astype(np.uint8)
