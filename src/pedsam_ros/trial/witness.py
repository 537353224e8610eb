"""What workers have truly seen of a world, by exact geometry and not by anybody's word."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.planes import Matrix, Size, applied
from pedsam_ros.core.windows import Canvas

_FINE_BITS = 4  # of a px: to what part of it a corner is drawn
_LIKE = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """Where a frame lies in its world."""

    matrix: Matrix  # from px of the frame to px of the world
    size: Size  # height and width of the frame, px


class Witness:
    """Remembers what each worker was shown of a world of this size, (height, width, ...) px.

    A px at the edge of what was shown counts as seen.
    """

    def __init__(self, size: tuple[int, ...]) -> None:
        self._seen: dict[str, NDArray[np.uint8]] = {}
        self._size = size[:2]

    def note(self, view: View, canvas: Canvas, worker: str, windows: Iterable[int]) -> None:
        """Notes that windows of a frame went to a worker."""
        plane = self._seen.setdefault(worker, np.zeros(self._size, np.uint8))
        for index in windows:
            outline = applied(view.matrix, _outline(canvas, index)) * 2**_FINE_BITS
            cv2.fillConvexPoly(plane, np.rint(outline).astype(np.int32), 1, shift=_FINE_BITS)

    def coverage(self, view: View) -> dict[str, float]:
        """The share of a view, 0..1, that each worker has ever seen."""
        return {worker: _share(plane, view) for worker, plane in self._seen.items()}


def _share(plane: NDArray[np.uint8], view: View) -> float:
    height, width = view.size
    return float(cv2.warpPerspective(plane, view.matrix, (width, height), flags=_LIKE).mean())


def _outline(canvas: Canvas, index: int) -> NDArray[np.float64]:
    """The outer corners of a window's content, (4, 2), frame px; whole numbers are middles."""
    rows, columns = canvas.content_span(index)
    y, x = canvas.frame[0] / canvas.content[0], canvas.frame[1] / canvas.content[1]
    (top, bottom), (left, right) = (
        (span.start * scale, span.stop * scale) for span, scale in ((rows, y), (columns, x))
    )
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) - 0.5
