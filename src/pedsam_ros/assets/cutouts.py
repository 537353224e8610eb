"""Turns pictures into tight cut-outs, scaled and cleaned. All images are BGR or BGRA, uint8."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.errors import BadImage
from pedsam_ros.core.pictures import tight_box

Image = NDArray[np.uint8]

FAINT = 24  # alpha below this becomes 0: it is shadow, or dust of bad keying
SPECK = 0.01  # loose parts below this share of the largest part's area are removed
MARGIN_PX = 2
PLAIN = 14  # how much neighbouring pixels of a plain ground may differ, per channel
SKY_TOP, SKY_LOW = (225, 190, 150), (235, 228, 220)  # BGR, behind a landscape without a sky


def fit(image: Image, long_side_px: int) -> Image:
    """The image, shrunk if its long side is above the limit.

    In an image with alpha each colour counts by its opacity, so that hidden colours do not bleed
    into the edge.
    """
    scale = long_side_px / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    if image.ndim < 3 or image.shape[2] < 4:
        return _bytes(cv2.resize(image, size, interpolation=cv2.INTER_AREA))
    weight = image[..., 3:].astype(np.float32) / 255
    colour = cv2.resize(image[..., :3] * weight, size, interpolation=cv2.INTER_AREA)
    alpha = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)[..., None]
    colour = np.where(alpha > 0, colour / np.maximum(alpha, 1e-4), 0)
    both = np.concatenate([colour, alpha * 255], axis=2)
    return np.clip(both + 0.5, 0, 255).astype(np.uint8)


def tidy(image: Image) -> Image:
    """Removes faint haze and loose specks from (H, W, 4), and crops to the rest plus 2 px.

    Raises BadImage if the image has no alpha channel, or if it is opaque everywhere or nowhere.
    """
    if image.ndim < 3 or image.shape[2] < 4:
        raise BadImage('no alpha channel')
    alpha = np.where(image[..., 3] < FAINT, 0, image[..., 3]).astype(np.uint8)
    count, parts, stats, _ = cv2.connectedComponentsWithStats((alpha > 0).astype(np.uint8))
    if count < 2 or alpha.min() > 0:
        raise BadImage('alpha is all or nothing')
    areas = stats[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    alpha[(areas < SPECK * areas.max())[parts]] = 0
    left, top, width, height = tight_box(alpha)
    cut = np.dstack([image[..., :3], alpha])[top : top + height, left : left + width]
    around = (MARGIN_PX,) * 4
    return _bytes(cv2.copyMakeBorder(cut, *around, cv2.BORDER_CONSTANT, value=(0, 0, 0, 0)))


def cut_from_plain(image: Image) -> Image:
    """(H, W, 4): the object of a photograph on a plain ground, cut out by GrabCut.

    Raises BadImage if the plain ground fills less than 15 % or more than 98 % of the photograph.
    """
    around = (4,) * 4
    bgr = _bytes(cv2.copyMakeBorder(opaque(fit(image, 640)), *around, cv2.BORDER_REPLICATE))
    outside = _ground(bgr)
    if not 0.15 < outside.mean() < 0.98:
        raise BadImage('no object on a plain ground')
    mask = np.where(outside, cv2.GC_BGD, cv2.GC_PR_FGD).astype(np.uint8)
    mask[cv2.erode(1 - outside, np.ones((9, 9), np.uint8)) > 0] = cv2.GC_FGD
    cv2.setRNGSeed(0)
    ground, figure = np.zeros((1, 65)), np.zeros((1, 65))
    no_rectangle = (0, 0, 0, 0)  # the mask says where to start
    cv2.grabCut(bgr, mask, no_rectangle, ground, figure, 3, cv2.GC_INIT_WITH_MASK)
    alpha = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8) * 255
    return np.dstack([bgr, cv2.blur(alpha, (3, 3))])


def _ground(bgr: Image) -> Image:
    """(H, W), 1 where a flood from the corners arrives over a nearly even colour."""
    height, width = bgr.shape[:2]
    flooded = np.zeros((height + 2, width + 2), np.uint8)
    near = (PLAIN,) * 3
    for corner in ((0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)):
        cv2.floodFill(bgr, flooded, corner, 0, near, near, cv2.FLOODFILL_MASK_ONLY | 4)
    return flooded[1:-1, 1:-1]


def opaque(image: Image) -> Image:
    """(H, W, 3) of any image; an overcast sky shows through where the image is transparent."""
    if image.ndim == 2:
        return _bytes(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))
    if image.shape[2] == 3:
        return image
    alpha = image[..., 3:].astype(np.float32) / 255
    down = np.linspace(0, 1, image.shape[0])[:, None, None]
    sky = np.array(SKY_TOP) * (1 - down) + np.array(SKY_LOW) * down
    return _bytes(image[..., :3] * alpha + sky * (1 - alpha))


def _bytes(image: NDArray[Any]) -> Image:
    """The image as uint8; fractions are cut off."""
    return image.astype(np.uint8, copy=False)
