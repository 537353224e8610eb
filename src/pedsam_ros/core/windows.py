"""Geometry: a frame's place on the canvas, and the windows of the canvas.

A canvas is square: the frame, resized so that its long side fits, in the top left corner; the rest
is canvas padding. Windows are numbered row by row. Source: SAM transforms.py (sizes),
image_encoder.py (windows).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import BadBatch, BadImage

Scalar = TypeVar('Scalar', bound=np.generic)
Span: TypeAlias = 'slice[int, int, None]'


@dataclass(frozen=True, slots=True)
class Grid:
    """A square of `extent` (px or tokens) cut into windows of side `window`; the last row and
    column may be smaller."""

    extent: int
    window: int

    @property
    def side(self) -> int:
        """Windows along one side."""
        return -(-self.extent // self.window)

    @property
    def count(self) -> int:
        """Windows in all."""
        return self.side**2

    def span(self, index: int) -> tuple[Span, Span]:
        """Rows and columns of one window. Raises BadBatch if there is no such window."""
        if not 0 <= index < self.count:
            raise BadBatch(f'window={index}: the grid has windows 0..{self.count - 1}')
        row, column = divmod(index, self.side)
        return self._slice(row), self._slice(column)

    def shape(self, index: int) -> tuple[int, int]:
        """Height and width of one window."""
        rows, columns = self.span(index)
        return rows.stop - rows.start, columns.stop - columns.start

    def _slice(self, place: int) -> Span:
        return slice(place * self.window, min((place + 1) * self.window, self.extent))


def token_grid(arch: Architecture) -> Grid:
    """The windows of the canvas, measured in tokens."""
    return Grid(arch.tokens, arch.window)


def pixel_grid(arch: Architecture) -> Grid:
    """The windows of the canvas, measured in pixels."""
    return Grid(arch.image_px, arch.window_px)


def partition(content: NDArray[Scalar], grid: Grid) -> dict[int, NDArray[Scalar]]:
    """(h, w, C) in the grid's top left corner -> the part of it in each window that holds any.

    Inverse of `merge`. Raises BadBatch if `content` is larger than the grid.
    """
    if max(content.shape[:2]) > grid.extent:
        raise BadBatch(f'content={content.shape}: larger than the grid of {grid.extent}')
    cut = ((index, content[grid.span(index)]) for index in range(grid.count))
    return {index: np.ascontiguousarray(part) for index, part in cut if part.size}


def merge(
    parts: Mapping[int, NDArray[Scalar]], grid: Grid, base: NDArray[Scalar]
) -> NDArray[Scalar]:
    """Lays the parts over a copy of `base`, (H, W, C). Inverse of `partition`.

    Raises BadBatch if a part is larger than its window.
    """
    whole = base.copy()
    for index, part in parts.items():
        rows, columns = grid.span(index)
        if part.shape[0] > rows.stop - rows.start or part.shape[1] > columns.stop - columns.start:
            raise BadBatch(f'window={index}: part of {part.shape[:2]} in {grid.shape(index)}')
        height, width = part.shape[:2]
        whole[rows.start : rows.start + height, columns.start : columns.start + width] = part
    return whole


@dataclass(frozen=True, slots=True)
class Canvas:
    """A frame's place on the canvas: its own size and its size there, px."""

    grid: Grid  # in px
    frame: tuple[int, int]  # (H, W)
    content: tuple[int, int]  # (H, W)

    @classmethod
    def fit(cls, arch: Architecture, height: int, width: int) -> Canvas:
        """Source: SAM transforms.py, get_preprocess_shape. Raises BadImage if the frame is
        empty."""
        if height < 1 or width < 1:
            raise BadImage(f'image of {height}x{width} px: empty')
        scale = arch.image_px / max(height, width)
        content = (max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5)))
        return cls(pixel_grid(arch), (height, width), content)

    def windows(self) -> Iterator[int]:
        """The windows that hold content; all others are canvas padding and never leave the
        edge."""
        return (index for index in range(self.grid.count) if self.content_area(index))

    def content_area(self, index: int) -> int:
        """Content of one window, px on the canvas."""
        height, width = self.content_shape(index)
        return height * width

    def content_shape(self, index: int) -> tuple[int, int]:
        """Height and width of the content of one window, px on the canvas; 0, 0 if it is all
        padding."""
        rows, columns = self.grid.span(index)
        height = min(rows.stop, self.content[0]) - rows.start
        width = min(columns.stop, self.content[1]) - columns.start
        return (height, width) if min(height, width) > 0 else (0, 0)

    def windows_of(self, region: tuple[float, float, float, float]) -> set[int]:
        """The windows that hold any of a region of the frame: x0, y0, x1, y1, image px."""
        (x0, y0), (x1, y1) = self.to_canvas(*region[:2]), self.to_canvas(*region[2:])
        return {
            index
            for index in self.windows()
            for rows, columns in [self.grid.span(index)]
            # One pixel more: resizing mixes neighbours.
            if rows.start <= y1 + 1 and y0 - 1 < rows.stop
            if columns.start <= x1 + 1 and x0 - 1 < columns.stop
        }

    def to_canvas(self, x: float, y: float) -> tuple[float, float]:
        """Image px -> canvas px, (x, y). Source: SAM transforms.py, apply_coords."""
        return x * self.content[1] / self.frame[1], y * self.content[0] / self.frame[0]
