"""Some images in a row of pictures each: the truth, and what models made of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import cv2
import numpy as np

from pedsam_ros.core import pictures
from pedsam_ros.core.types import FrameKey, Mask, Masks, Pixels
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.samples import Sample, Segment

_TILE_PX = (320, 240)  # width, height of a picture
_CAPTION_PX = 22
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def truth(sample: Sample) -> tuple[Mask, ...]:
    """The segments as masks."""
    return tuple(rle.mask_of(rle.decode(s.mask), i) for i, s in enumerate(sample.segments))


def tile(
    rgb: Pixels, sample: Sample, masks: Sequence[Mask], caption: str, prompt: str = ''
) -> Pixels:
    """(240 + 22, 320, 3) uint8: an image with masks, one for each segment and in its colour, and
    with the prompts of one kind; its caption above."""
    whole = Masks(FrameKey(0, ''), sample.height, sample.width, '', tuple(masks))
    picture = pictures.overlay(rgb, whole)
    for segment in sample.segments:
        _mark(picture, segment, prompt)
    return np.vstack([_caption(caption), pictures.fitted(picture, *_TILE_PX)])


def grid(rows: Iterable[Sequence[Pixels]]) -> Pixels:
    """Rows of equally many tiles -> one picture."""
    return np.vstack([np.hstack(row) for row in rows])


def _mark(picture: Pixels, segment: Segment, prompt: str) -> None:
    """Draws a segment's prompt: a thin frame, or a dot."""
    if prompt == 'box':
        x0, y0, x1, y1 = segment.box
        cv2.rectangle(picture, (x0, y0), (x1 - 1, y1 - 1), _WHITE, 1)
    if prompt == 'point':
        cv2.circle(picture, segment.point, 5, _BLACK, -1)
        cv2.circle(picture, segment.point, 3, _WHITE, -1)


def _caption(text: str) -> Pixels:
    strip = np.zeros((_CAPTION_PX, _TILE_PX[0], 3), np.uint8)
    cv2.putText(strip, text, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _WHITE, 1, cv2.LINE_AA)
    return strip
