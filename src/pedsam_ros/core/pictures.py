"""Draws masks as pictures: label image, binary picture, overlay."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.errors import BadMasks
from pedsam_ros.core.types import Mask, Masks, Pixels

MOST_PAINTED_PX = 2**27  # of one overlay: sixteen masks that fill 4K, about a second
_GOLDEN = 0.618033988749895  # step of hue from mask to mask: keeps any number of hues far apart


def binary(mask: Mask, height: int, width: int) -> NDArray[np.bool_]:
    """(H, W) bool: the pixels of a mask, from its run lengths.

    Raises BadMasks if the run lengths do not add up to H x W.
    """
    columns = np.zeros(height * width, bool)
    for begin, end in _runs(mask, height, width):
        columns[begin:end] = True
    return columns.reshape(width, height).T


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

    Where masks overlap, the one with the smallest area is shown. Raises BadMasks as `binary`.
    """
    columns = np.zeros(masks.height * masks.width, np.uint16)
    for number, mask in _largest_first(masks):
        for begin, end in _runs(mask, masks.height, masks.width):
            columns[begin:end] = number
    return np.ascontiguousarray(columns.reshape(masks.width, masks.height).T)


def any_mask(labels: NDArray[np.uint16]) -> Pixels:
    """(H, W) uint8: 255 inside any mask of a label image, 0 elsewhere."""
    return np.where(labels > 0, 255, 0).astype(np.uint8)


def overlay(rgb: Pixels, masks: Masks, opacity: float = 0.5) -> Pixels:
    """(H, W, 3) uint8: the image with every mask tinted and outlined in a colour of its own.

    Raises BadMasks if the masks are not of the image's size, or too much would be painted.
    """
    height, width = rgb.shape[:2]
    if (masks.height, masks.width) != (height, width):
        raise BadMasks(
            f'masks of {masks.width}x{masks.height} px: the image has {width}x{height} px'
        )
    parts = [(number, _part(mask, height, width)) for number, mask in _largest_first(masks)]
    painted = sum(inside.size for _, (*_, inside) in parts)
    if painted > MOST_PAINTED_PX:
        raise BadMasks(f'masks whose boxes have {painted} px: at most {MOST_PAINTED_PX} px')
    picture = rgb.copy()
    for number, part in parts:
        _tint(picture, *part, np.array(colour_of(number)), opacity)
    return picture


def _tint(
    picture: Pixels, x: int, y: int, inside: Pixels, colour: NDArray[np.int_], opacity: float
) -> None:
    """Paints a mask, whose smallest box `inside` (h, w) lies at x, y."""
    part = picture[y : y + inside.shape[0], x : x + inside.shape[1]]
    if not part.size:
        return
    levels = np.arange(256)[:, None]
    mixed = ((1 - opacity) * levels + opacity * colour).astype(np.uint8)
    part[:] = cv2.copyTo(cv2.LUT(part, mixed[None]), inside, part.copy())
    outlines, _ = cv2.findContours(inside, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE, offset=(x, y))
    cv2.drawContours(picture, outlines, -1, colour.tolist(), 2)


def _part(mask: Mask, height: int, width: int) -> tuple[int, int, Pixels]:
    """x, y and (h, w) uint8 pixels of the smallest box around a mask; empty if the mask is."""
    runs = _runs(mask, height, width)
    if not runs:
        return 0, 0, np.zeros((0, 0), np.uint8)
    first, last = runs[0][0] // height, (runs[-1][1] - 1) // height
    columns = np.zeros((last - first + 1) * height, np.uint8)
    for begin, end in runs:
        columns[begin - first * height : end - first * height] = 1
    shape = columns.reshape(-1, height).T
    x, y, w, h = tight_box(shape)
    return first + x, y, np.ascontiguousarray(shape[y : y + h, x : x + w])


def _runs(mask: Mask, height: int, width: int) -> list[tuple[int, int]]:
    """Where the runs of a mask's pixels begin and end, counted down the columns.

    Raises BadMasks if the run lengths do not add up to H x W.
    """
    if sum(mask.counts) != height * width:
        raise BadMasks(
            f'run lengths of {sum(mask.counts)} px: a mask of {width}x{height} px was expected'
        )
    ends = np.cumsum(mask.counts).tolist()
    pairs = zip(ends[::2], ends[1::2], strict=False)  # zeros may follow the last run
    return [(begin, end) for begin, end in pairs if begin < end]


def _largest_first(masks: Masks) -> list[tuple[int, Mask]]:
    """The masks with their ids, small ones last, so that they are painted on top."""
    return sorted(enumerate(masks.masks, 1), key=lambda item: -item[1].area)


def colour_of(number: int) -> tuple[int, int, int]:
    """RGB of the mask with this id; ids that are near each other have colours far apart."""
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
