"""Draws who computed which part of a frame."""

from __future__ import annotations

import cv2
import numpy as np

from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.pictures import colour_of
from pedsam_ros.core.placement import LOCAL
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas

_OPACITY = 0.35
_GREY = (128, 128, 128)  # what the edge computed
_LINE = (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX


def drawn(encoded: Encoded) -> Pixels:
    """(H, W, 3) uint8: the camera image with every window in the colour of its owner, and the
    owner's name in it; grey and without a name is what the edge computed."""
    picture, owners = encoded.rgb.copy(), encoded.owners
    workers = sorted(set(owners.values()) - {LOCAL})
    colours = {name: colour_of(number) for number, name in enumerate(workers, 1)} | {LOCAL: _GREY}
    for index, owner in owners.items():
        _paint(picture, box(encoded.canvas, index), colours[owner], owner)
    return picture


def box(canvas: Canvas, index: int) -> tuple[int, int, int, int]:
    """x0, y0, x1, y1 of a window's content, image px."""
    along = zip(canvas.content_span(index), canvas.content, canvas.frame, strict=True)
    (y0, y1), (x0, x1) = (
        (round(span.start * frame / length), round(span.stop * frame / length))
        for span, length, frame in along
    )
    return x0, y0, x1, y1


def _paint(
    picture: Pixels, corners: tuple[int, int, int, int], tint: tuple[int, ...], name: str
) -> None:
    x0, y0, x1, y1 = corners
    part = picture[y0:y1, x0:x1]
    part[:] = (part * (1 - _OPACITY) + np.array(tint) * _OPACITY).astype(np.uint8)
    cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), _LINE, 1)
    scale = max(0.4, min(picture.shape[:2]) / 1000)
    cv2.putText(picture, name[:12], (x0 + 4, y0 + int(24 * scale) + 4), _FONT, scale, _LINE, 1)
