"""Geometry: where a frame lies on the canvas, and how the canvas is cut into windows.

The canvas is square. The frame is resized so that its long side fits, and lies in the top left
corner; the rest is canvas padding. Windows are numbered row by row, from 0 at the top left.
Source: SAM transforms.py (sizes), image_encoder.py (windows).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import BadBatch, BadImage, ConfigError
from pedsam_ros.core.shift import Shift

Scalar = TypeVar('Scalar', bound=np.generic)
Span: TypeAlias = 'slice[int, int, None]'
Place: TypeAlias = tuple[int, int]  # row and column where a window begins; may be negative


@dataclass(frozen=True, slots=True)
class Grid:
    """A square cut into square windows. Those on its rim may be smaller.

    Lengths are in px or in tokens. Raises ConfigError if the offset is no part of a window.
    """

    extent: int  # side of the square
    window: int  # side of a window
    offset: tuple[int, int] = (0, 0)  # height and width of the first row and column; 0: a window's

    def __post_init__(self) -> None:
        if not all(0 <= each < self.window for each in self.offset):
            raise ConfigError(f'offset={self.offset}: each from 0 to {self.window - 1}')

    @property
    def rows(self) -> int:
        """Number of rows of windows."""
        return self._places(self.offset[0])

    @property
    def columns(self) -> int:
        """Number of columns of windows."""
        return self._places(self.offset[1])

    @property
    def side(self) -> int:
        """Number of windows along one side of a grid without offset."""
        return -(-self.extent // self.window)

    @property
    def count(self) -> int:
        """Number of all windows."""
        return self.rows * self.columns

    def place(self, index: int) -> Place:
        """Returns the row and column at which a window would begin if it were whole.

        They are negative for a smaller first one. Raises BadBatch if it does not exist.
        """
        if not 0 <= index < self.count:
            raise BadBatch(f'window={index}: the grid has windows 0..{self.count - 1}')
        pairs = zip(divmod(index, self.columns), self.offset, strict=True)
        row, column = (
            number * self.window - (self.window - offset if offset else 0)
            for number, offset in pairs
        )
        return row, column

    def span(self, index: int) -> tuple[Span, Span]:
        """Returns the rows and columns of a window. Raises BadBatch if it does not exist."""
        row, column = self.place(index)
        return self._slice(row), self._slice(column)

    def shape(self, index: int) -> tuple[int, int]:
        """Returns the height and width of a window. Raises BadBatch if it does not exist."""
        rows, columns = self.span(index)
        return rows.stop - rows.start, columns.stop - columns.start

    def _places(self, offset: int) -> int:
        return -(-(self.extent - offset) // self.window) + bool(offset)

    def _slice(self, begin: int) -> Span:
        return slice(max(0, begin), min(begin + self.window, self.extent))


def token_grid(arch: Architecture, offset: tuple[int, int] = (0, 0)) -> Grid:
    """Returns the grid of windows, measured in tokens; `offset` too."""
    return Grid(arch.tokens, arch.window, offset)


def pixel_grid(arch: Architecture, offset: tuple[int, int] = (0, 0)) -> Grid:
    """Returns the grid of windows, measured in px; `offset` is in tokens."""
    patch = arch.window_px // arch.window
    return Grid(arch.image_px, arch.window_px, (offset[0] * patch, offset[1] * patch))


def partition(
    content: NDArray[Scalar], grid: Grid, corner: Place = (0, 0)
) -> dict[int, NDArray[Scalar]]:
    """Cuts `content`, (h, w, C), which begins at `corner` in the grid, into window -> its part.

    A part is (rows, columns, C), contiguous, and has the dtype of `content`. Windows without
    content are left out. Inverse of `merge`. Raises BadBatch if `content` is larger than the grid.
    Source: SAM image_encoder.py, window_partition.
    """
    if max(content.shape[0] + corner[0], content.shape[1] + corner[1]) > grid.extent:
        where = f'at {corner}' if any(corner) else ''
        raise BadBatch(f'content={content.shape}{where}: larger than the grid of {grid.extent}')
    parts = {}
    for index in range(grid.count):
        along = zip(grid.span(index), corner, content.shape[:2], strict=True)
        rows, columns = (_within(*each) for each in along)
        part = content[rows, columns]
        if part.size:
            parts[index] = np.ascontiguousarray(part)
    return parts


def merge(
    parts: Mapping[int, NDArray[Scalar]], grid: Grid, base: NDArray[Scalar]
) -> NDArray[Scalar]:
    """Lays the parts, (rows, columns, C) each, over a copy of `base`, (H, W, C).

    Returns the copy. What no part covers keeps the values of `base`. Inverse of `partition`.
    Raises BadBatch if a window does not exist or a part is larger than its window.
    Source: SAM image_encoder.py, window_unpartition.
    """
    whole = base.copy()
    for index, part in parts.items():
        rows, columns = grid.span(index)
        if part.shape[0] > rows.stop - rows.start or part.shape[1] > columns.stop - columns.start:
            raise BadBatch(f'window={index}: part of {part.shape[:2]} in {grid.shape(index)}')
        height, width = part.shape[:2]
        whole[rows.start : rows.start + height, columns.start : columns.start + width] = part
    return whole


def drawn_shift(arch: Architecture, rng: np.random.Generator) -> Shift:
    """Draws a shift, all equally likely. Equal states of `rng` give equal ones."""
    patch = arch.window_px // arch.window
    row, column, top, left = rng.integers([arch.window] * 2 + [patch] * 2).tolist()
    return Shift((row, column), (top, left))


@dataclass(frozen=True, slots=True)
class Canvas:
    """A frame on the canvas. The content is the resized frame, in the top left corner or, where it
    is shifted, less than a token away from it."""

    grid: Grid  # in px
    frame: tuple[int, int]  # (H, W) of the frame, image px
    content: tuple[int, int]  # (H, W) of the content, canvas px
    corner: tuple[int, int] = (0, 0)  # where the content begins, canvas px
    offset: tuple[int, int] = (0, 0)  # of the grid, tokens

    @classmethod
    def fit(
        cls, arch: Architecture, height: int, width: int, *, shift: Shift | None = None
    ) -> Canvas:
        """Fits a frame of height x width px on the canvas of a model.

        With a shift, even of 0, the content is smaller by less than a token, so that it fits at
        any corner and always has the same size. Raises BadImage if the frame is empty, ConfigError
        if the shift is too large. Source: SAM transforms.py, get_preprocess_shape.
        """
        if height < 1 or width < 1:
            raise BadImage(f'image of {height}x{width} px: empty')
        patch = arch.window_px // arch.window
        if shift and not all(0 <= each < patch for each in shift.corner):
            raise ConfigError(f'corner={shift.corner}: each from 0 to {patch - 1}')
        long_px = arch.image_px - (patch - 1 if shift else 0)
        scale = long_px / max(height, width)
        content = (max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5)))
        offset, corner = (shift.offset, shift.corner) if shift else ((0, 0), (0, 0))
        return cls(pixel_grid(arch, offset), (height, width), content, corner, offset)

    @property
    def shift(self) -> Shift:
        """How far partition and content are moved."""
        return Shift(self.offset, self.corner)

    def windows(self) -> Iterator[int]:
        """Yields the windows that hold content. All others are padding and never leave."""
        firsts = range(0, self.grid.count, self.grid.columns), range(self.grid.columns)
        rows, columns = (
            [n for n in some for span in [self.content_span(n)[axis]] if span.start < span.stop]
            for axis, some in enumerate(firsts)
        )
        return (row + column for row in rows for column in columns)

    def content_area(self, index: int) -> int:
        """Returns the area of the content in a window, canvas px."""
        height, width = self.content_shape(index)
        return height * width

    def content_shape(self, index: int) -> tuple[int, int]:
        """Returns the height and width of the content in a window, canvas px.

        Both are 0 if the window is all padding. Raises BadBatch if the window does not exist.
        """
        rows, columns = self.content_span(index)
        height, width = rows.stop - rows.start, columns.stop - columns.start
        return (height, width) if min(height, width) > 0 else (0, 0)

    def content_span(self, index: int) -> tuple[Span, Span]:
        """Returns the rows and columns of the content that a window holds.

        One of them is empty if the window is all padding. Raises BadBatch if the window does not
        exist.
        """
        along = zip(self.grid.span(index), self.corner, self.content, strict=True)
        rows, columns = (_within(*each) for each in along)
        return rows, columns

    def content_corner(self, index: int) -> Place:
        """Returns the row and column of a window at which its content begins, canvas px."""
        along = zip(self.grid.span(index), self.corner, self.grid.place(index), strict=True)
        top, left = (max(span.start, begin) - place for span, begin, place in along)
        return top, left

    def windows_of(self, region: tuple[float, float, float, float]) -> set[int]:
        """Returns the windows that hold any part of a region: x0, y0, x1, y1, image px."""
        (x0, y0), (x1, y1) = self.to_canvas(*region[:2]), self.to_canvas(*region[2:])
        return {
            index
            for index in self.windows()
            for rows, columns in [self.grid.span(index)]
            # One pixel more on each side, because resizing mixes neighbouring pixels.
            if rows.start <= y1 + 1 and y0 - 1 < rows.stop
            if columns.start <= x1 + 1 and x0 - 1 < columns.stop
        }

    def to_canvas(self, x: float, y: float) -> tuple[float, float]:
        """Turns image px into canvas px, (x, y). Source: SAM transforms.py, apply_coords."""
        return (
            x * self.content[1] / self.frame[1] + self.corner[1],
            y * self.content[0] / self.frame[0] + self.corner[0],
        )


def _within(span: Span, begin: int, length: int) -> Span:
    """The part of something of this length, which begins at `begin`, that a span holds."""
    first = max(0, span.start - begin)
    return slice(first, max(first, min(length, span.stop - begin)))
