"""Prepares an image for the network as SAM does: resize, normalise, pad with zeros.

Source: SAM transforms.py (apply_image), sam.py (preprocess).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F

from pedsam_ros.core.types import Pixels

PIXEL_MEAN = (123.675, 116.28, 103.53)  # RGB; source: build_sam.py
PIXEL_STD = (58.395, 57.12, 57.375)


def resize(rgb: Pixels, size: tuple[int, int]) -> Pixels:
    """(H, W, 3) uint8 image -> (h, w, 3) uint8 with (h, w) = `size`, antialiased."""
    if rgb.shape[:2] == size:
        return np.ascontiguousarray(rgb)
    image = torch.from_numpy(np.ascontiguousarray(rgb)).permute(2, 0, 1)[None]
    small = F.interpolate(image, size, mode='bilinear', antialias=True)
    return np.ascontiguousarray(small[0].permute(1, 2, 0).numpy())


def normalise(rgb: torch.Tensor) -> torch.Tensor:
    """(..., 3, H, W) RGB, 0..255 -> zero mean, unit variance. Source: SAM sam.py, preprocess."""
    mean, std = (rgb.new_tensor(value)[:, None, None] for value in (PIXEL_MEAN, PIXEL_STD))
    return (rgb - mean) / std


def on_canvas(
    content: NDArray[np.uint8], side: int, corner: tuple[int, int] = (0, 0)
) -> torch.Tensor:
    """(h, w, 3) uint8 -> (3, side, side) float32; the padding is zero *after* normalising.

    `corner` is the row and column where the content begins.
    """
    canvas, (top, left) = torch.zeros(3, side, side), corner
    pixels = torch.from_numpy(np.array(content)).permute(2, 0, 1).float()
    bottom, right = top + content.shape[0], left + content.shape[1]
    canvas[:, top:bottom, left:right] = normalise(pixels)
    return canvas
