"""Draws pictures for some samples, a row each: the truth, then the masks of models."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from pedsam_ros.core import pictures
from pedsam_ros.core.files import write_image
from pedsam_ros.core.types import FrameKey, Mask, Masks, Pixels
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.baselines import blurred
from pedsam_ros.evaluation.results import Result, shown_of
from pedsam_ros.evaluation.samples import Sample, Segment
from pedsam_ros.evaluation.variants import VARIANTS

_COLUMNS = (('ped', 'box'), ('ped', 'point'), ('sam', 'box'), ('blur', 'box'))  # model, prompts
_TILE_PX = (320, 240)  # width, height of a picture without its caption
_CAPTION_PX = 22
_WHITE, _BLACK = (255, 255, 255), (0, 0, 0)


def draw(
    path: Path, results: Mapping[str, Result], samples: Sequence[Sample], sigma: float
) -> Path:
    """Writes a row for each shown sample: the truth, then the masks of models; returns the path.

    `sigma` is that of `blurred`; models that see blurred images are shown on them. Raises OSError,
    which names `path`, if it cannot be written.
    """
    columns = [(name, kind) for name, kind in _COLUMNS if name in results]
    rows = []
    for i in shown_of(samples):
        sample, rgb = samples[i], samples[i].rgb()
        row = [tile(rgb, sample, truth(sample), f'{sample.source}: truth')]
        for name, kind in columns:
            seen = blurred(rgb, sigma) if VARIANTS[name].blurred else rgb
            masks = results[name].shown[i][kind]
            row.append(tile(seen, sample, masks, f'{name}, {kind} prompts', kind))
        rows.append(row)
    return write_image(path, grid(rows))


def truth(sample: Sample) -> tuple[Mask, ...]:
    """Returns the segments of a sample as masks."""
    return tuple(rle.mask_of(rle.decode(s.mask), i) for i, s in enumerate(sample.segments))


def tile(
    rgb: Pixels, sample: Sample, masks: Sequence[Mask], caption: str, prompt: str = ''
) -> Pixels:
    """(240 + 22, 320, 3) uint8: an image under its caption, with one mask for each segment.

    `prompt` is the kind of prompts to draw, 'box' or 'point'; '' leaves them out.
    """
    whole = Masks(FrameKey(0, ''), sample.height, sample.width, '', tuple(masks))
    picture = pictures.overlay(rgb, whole)
    for segment in sample.segments:
        _mark(picture, segment, prompt)
    return np.vstack([_caption(caption), pictures.fitted(picture, *_TILE_PX)])


def grid(rows: Iterable[Sequence[Pixels]]) -> Pixels:
    """Joins rows of equally many tiles into one picture."""
    return np.vstack([np.hstack(row) for row in rows])


def _mark(picture: Pixels, segment: Segment, prompt: str) -> None:
    """Draws the prompt of a segment: a thin frame for a box, a dot for a point."""
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
