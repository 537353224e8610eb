"""Where windows lie in the picture that a worker makes of a frame: the content of a canvas, which
may begin anywhere in the grid."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas, Place, Scalar, partition


def cut(canvas: Canvas, content: NDArray[Scalar]) -> dict[int, NDArray[Scalar]]:
    """Cuts the content, (H, W, C), into window -> its part. Inverse of `laid`."""
    return partition(content, canvas.grid, canvas.corner)


def laid(canvas: Canvas, parts: Mapping[int, Pixels], base: Pixels) -> Pixels:
    """Lays the parts of windows, (h, w, C) each, over a copy of `base`, (H, W, C)."""
    whole = base.copy()
    for index, part in parts.items():
        whole[canvas.content_span(index)] = part
    return whole


def covered(canvas: Canvas, windows: Mapping[int, object]) -> NDArray[np.bool_]:
    """(H, W): what of the content these windows hold."""
    whole = np.zeros(canvas.content, np.bool_)
    for index in windows:
        whole[canvas.content_span(index)] = True
    return whole


def begins(shift: Shift, arch: Architecture) -> Place:
    """The row and column of the content at which some window begins; it may be negative."""
    row, column = (
        tokens * arch.patch_px - px for tokens, px in zip(shift.offset, shift.corner, strict=True)
    )
    return row, column
