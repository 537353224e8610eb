"""Turns the pixels of a mask into COCO's run lengths. core/pictures.py turns them back."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def run_lengths(
    part: NDArray[np.bool_], corner: tuple[int, int] = (0, 0), frame: tuple[int, int] | None = None
) -> tuple[int, ...]:
    """COCO run lengths of a mask: column by column, those of the zeros first.

    `part` (h, w) bool holds all pixels of the mask: it is the part of a frame of (height, width)
    px whose top left corner lies at x, y. Without a frame it is the whole.
    """
    (height, width), (x, y) = frame or part.shape, corner
    columns = np.zeros((part.shape[1], part.shape[0] + 2), np.uint8)  # a zero ends each column
    columns[:, 1:-1] = part.T
    flat = columns.reshape(-1)
    column, row = np.divmod(np.flatnonzero(flat[1:] != flat[:-1]), columns.shape[1])
    turns = (x + column) * height + y + row  # where a run begins, where it ends, and so on
    apart = np.ones(len(turns), bool)
    apart[1:-1] = np.repeat(turns[1:-1:2] != turns[2::2], 2)  # a run may go on in the next column
    counts = np.diff(turns[apart], prepend=0, append=height * width)
    return tuple(counts[: len(counts) - (counts[-1] == 0)].tolist())


def holds(counts: Sequence[int], places: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which pixels a mask holds: their places are x * height + y, in an array of any shape."""
    ends = np.cumsum(counts, dtype=np.int64)
    return np.asarray(np.searchsorted(ends, places, side='right') % 2, bool)
