"""The picture of the way back: true windows beside what was read out of their embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from pedsam_ros.audit.attack import Picture, Seen
from pedsam_ros.audit.scores import psnr
from pedsam_ros.audit.section import Exhibit
from pedsam_ros.core.types import Pixels

_ROWS = 5  # images, one window of each
_SIDE_PX = 160
_GAP_PX = 4


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """An attacked image: (H, W, 3) uint8, the guesses by attack, and where its windows lie."""

    truth: Pixels
    guesses: dict[str, Picture]
    places: Sequence[tuple[slice, slice]]


def exhibit(rows: Sequence[Row], transport: str) -> list[Exhibit]:
    """One picture: of some images the liveliest window, then each guess of it."""
    shown = [row for row in rows if row.guesses and row.places][:_ROWS]
    if not shown:
        return []
    where = [max(row.places, key=lambda place: float(row.truth[place].std())) for row in shown]
    pictures = [
        _strip([row.truth[at], *(guess[at] for guess in row.guesses.values())])
        for row, at in zip(shown, where, strict=True)
    ]
    reached = [
        f'{name} '
        + ' / '.join(
            f'{psnr(row.guesses[name][at], row.truth[at], _all(row, at)):.1f}'
            for row, at in zip(shown, where, strict=True)
        )
        + ' dB'
        for name in shown[0].guesses
    ]
    caption = (
        f'Left: the true window. Then what was read out of its {transport} embedding: '
        f'{"; ".join(reached)}, from top to bottom. '
        'The seal keeps this from everybody but the worker, who was sent the pixels anyway.'
    )
    return [Exhibit(np.concatenate(pictures), caption)]


def _all(row: Row, at: tuple[slice, slice]) -> Seen:
    return np.ones(row.truth[at].shape[:2], bool)


def _strip(windows: Sequence[Pixels | Picture]) -> Pixels:
    """Windows side by side, each scaled to one size, with a white gap around."""
    side = _SIDE_PX + 2 * _GAP_PX
    strip = np.full((side, side * len(windows), 3), 255, np.uint8)
    for number, window in enumerate(windows):
        plain = np.asarray(window, np.float32).clip(0, 255).round().astype(np.uint8)
        large = cv2.resize(plain, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_NEAREST)
        left = number * side + _GAP_PX
        strip[_GAP_PX:-_GAP_PX, left : left + _SIDE_PX] = large
    return strip
