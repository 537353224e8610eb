"""Draws masks as pictures: label image, binary picture, overlay."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.errors import BadMasks
from pedsam_ros.core.types import Mask, Masks, Pixels

_GOLDEN = 0.618033988749895  # step of hue from mask to mask: keeps any number of hues far apart


def binary(mask: Mask, height: int, width: int) -> NDArray[np.bool_]:
    """(H, W) bool: the pixels of a mask, from its run lengths.

    Raises BadMasks if the run lengths do not add up to H x W.
    """
    if sum(mask.counts) != height * width:
        raise BadMasks(
            f'run lengths of {sum(mask.counts)} px: a mask of {width}x{height} px was expected'
        )
    ones = np.arange(len(mask.counts)) % 2 == 1
    return np.repeat(ones, mask.counts).reshape(width, height).T


def tight_box(shape: NDArray[np.bool_] | Pixels) -> tuple[int, int, int, int]:
    """x, y, width and height, px, of the smallest box around all that is not zero.

    `shape` is (H, W) bool or uint8. The box is four zeros if the shape is empty.
    """
    ys, xs = (np.flatnonzero(shape.any(axis)) for axis in (1, 0))
    if not xs.size:
        return 0, 0, 0, 0
    return int(xs[0]), int(ys[0]), int(xs[-1] - xs[0]) + 1, int(ys[-1] - ys[0]) + 1


def label_image(masks: Masks) -> NDArray[np.uint16]:
    """(H, W) uint16: the id of the mask at each pixel, counted from 1; 0 means no mask.

    Where masks overlap, the one with the smallest area is shown.
    """
    labels = np.zeros((masks.height, masks.width), np.uint16)
    for number, shape in _largest_first(masks):
        labels[shape] = number
    return labels


def any_mask(masks: Masks) -> Pixels:
    """(H, W) uint8: 255 inside any mask, 0 elsewhere."""
    return np.where(label_image(masks) > 0, 255, 0).astype(np.uint8)


def overlay(rgb: Pixels, masks: Masks, opacity: float = 0.5) -> Pixels:
    """(H, W, 3) uint8: the image with every mask tinted and outlined in a colour of its own.

    Raises BadMasks if the masks are not of the image's size.
    """
    height, width = rgb.shape[:2]
    if (masks.height, masks.width) != (height, width):
        raise BadMasks(
            f'masks of {masks.width}x{masks.height} px: the image has {width}x{height} px'
        )
    picture = rgb.copy()
    for number, shape in _largest_first(masks):
        _tint(picture, shape, np.array(_colour(number)), opacity)
    return picture


def _tint(
    picture: Pixels, shape: NDArray[np.bool_], colour: NDArray[np.int_], opacity: float
) -> None:
    """Paints a mask; only the smallest box around it is looked at."""
    x, y, width, height = tight_box(shape)
    if not width:
        return
    inside = shape[y : y + height, x : x + width].astype(np.uint8, order='C')
    part = picture[y : y + height, x : x + width]
    levels = np.arange(256)[:, None]
    mixed = ((1 - opacity) * levels + opacity * colour).astype(np.uint8)
    part[:] = cv2.copyTo(cv2.LUT(part, mixed[None]), inside, part.copy())
    outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(x, y))
    cv2.drawContours(picture, outlines, -1, colour.tolist(), 2)


def _largest_first(masks: Masks) -> Iterator[tuple[int, NDArray[np.bool_]]]:
    """Yields id and shape of each mask, small masks last, so that they are painted on top."""
    by_area = sorted(enumerate(masks.masks, 1), key=lambda item: -item[1].area)
    return ((number, binary(mask, masks.height, masks.width)) for number, mask in by_area)


def _colour(number: int) -> tuple[int, int, int]:
    hue = int(180 * (number * _GOLDEN % 1))
    hsv = np.array([[[hue, 200, 255]]], np.uint8)
    red, green, blue = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0]
    return int(red), int(green), int(blue)


def fitted(rgb: Pixels, width: int, height: int) -> Pixels:
    """(height, width, 3) uint8: the whole picture scaled into the top left corner, rest black."""
    scale = min(width / rgb.shape[1], height / rgb.shape[0])
    size = max(1, int(rgb.shape[1] * scale)), max(1, int(rgb.shape[0] * scale))
    tile = np.zeros((height, width, 3), np.uint8)
    tile[: size[1], : size[0]] = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    return tile
