"""How much of each window somebody has seen: window -> the height and width of its content."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pedsam_ros.core.placement import neighbours
from pedsam_ros.core.windows import Canvas, Grid

Extent = tuple[int, int]  # (h, w) of the content of a window, canvas px


def add(seen: dict[int, Extent], more: Mapping[int, Extent]) -> None:
    """Adds content to `seen`. Of each window the largest content counts."""
    for index, (height, width) in more.items():
        before = seen.get(index, (0, 0))
        seen[index] = (max(before[0], height), max(before[1], width))


def contents(canvas: Canvas) -> dict[int, Extent]:
    """What a frame shows in each window; windows without content are left out."""
    shapes = ((index, canvas.content_shape(index)) for index in range(canvas.grid.count))
    return {index: shape for index, shape in shapes if all(shape)}


def grown(
    seen: Mapping[int, Extent], shown: Mapping[int, Extent], windows: Iterable[int]
) -> dict[int, Extent]:
    """`seen`, with the content of some windows of a frame, which has `shown`, added."""
    whole = dict(seen)
    add(whole, {index: shown[index] for index in windows if index in shown})
    return whole


def area(windows: Mapping[int, Extent]) -> int:
    """The area of all content, in canvas px."""
    return sum(height * width for height, width in windows.values())


def largest_piece(windows: Mapping[int, Extent], grid: Grid) -> int:
    """The area of the largest piece, in canvas px. Windows that share a side belong to one."""
    left, largest = dict(windows), 0
    while left:
        largest = max(largest, _take_piece(left, grid))
    return largest


def _take_piece(left: dict[int, Extent], grid: Grid) -> int:
    """Takes one piece out of `left`. Returns its area, in canvas px."""
    taken, edge = 0, [next(iter(left))]
    while edge:
        index = edge.pop()
        if index in left:
            height, width = left.pop(index)
            taken += height * width
            edge += neighbours(grid, index, 4)
    return taken
