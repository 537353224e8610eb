"""How much of a view each worker has ever seen, and which windows may still go to it.

What was seen is a picture of bits, uint16: bit n says that the worker with number n saw a pixel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.planes import Size
from pedsam_ros.core.windows import Canvas

MOST_WORKERS = 16  # bits of a pixel
Bits = NDArray[np.uint16]
Box: TypeAlias = tuple[int, int, int, int]  # top, left, bottom, right: px of a picture


def boxes(canvas: Canvas, size: Size) -> dict[int, Box]:
    """Where the windows lie in a picture of this size that shows the whole content. They cover it
    and do not overlap. A window without the middle of a pixel is left out."""
    rows = _cuts(canvas, size, 0, canvas.grid.rows, canvas.grid.columns)
    columns = _cuts(canvas, size, 1, canvas.grid.columns, 1)
    found = {}
    for index in canvas.windows():
        row, column = divmod(index, canvas.grid.columns)
        (top, bottom), (left, right) = rows[row : row + 2], columns[column : column + 2]
        if top < bottom and left < right:
            found[index] = top, left, bottom, right
    return found


def grown(seen: Bits) -> Bits:
    """Each pixel has the bits of the next one, to the right and below, as well: a place lies
    between pixels, and what was seen of either may have been seen of it."""
    found = seen.copy()
    found[:-1] |= seen[1:]
    found[:, :-1] |= found[:, 1:]
    return found


def share(seen: Bits, bits: int) -> float:
    """The share of a view, 0..1, of which any of these bits is set."""
    return float(np.count_nonzero(seen & np.uint16(bits))) / seen.size


def shown(size: Size, places: Mapping[int, Box], sends: Mapping[int, int]) -> Bits:
    """What a frame shows to workers, (h, w); `sends` maps windows to bits."""
    picture = np.zeros(size, np.uint16)
    for window, bits in sends.items():
        if window in places:
            picture[part(places[window])] |= np.uint16(bits)
    return picture


def beyond_cap(
    seen: Bits, places: Mapping[int, Box], wishes: Mapping[int, int], most_px: float
) -> set[int]:
    """The windows that must not go, so that no worker has seen more than `most_px` of the view.

    `seen` (h, w) is what was seen of it before; `wishes` maps each window that is to go to the
    bits of its worker. Of each worker the windows that add most stay here first. What adds nothing
    may always go.
    """
    here: set[int] = set()
    for bits in set(wishes.values()):
        adds = {
            window: adding(seen, places[window], bits)
            for window, wanted in wishes.items()
            if wanted == bits and window in places
        }
        total = int(np.count_nonzero(seen & np.uint16(bits)))
        for window in sorted(adds, key=lambda each: (adds[each], each)):
            if adds[window] and total + adds[window] > most_px:
                here.add(window)
            else:
                total += adds[window]
    return here


def adding(seen: Bits, box: Box, bits: int) -> int:
    """How many pixels of a box have none of these bits."""
    whole = seen[part(box)]
    return whole.size - int(np.count_nonzero(whole & np.uint16(bits)))


def part(box: Box) -> tuple[slice, slice]:
    """A box as an index of a picture."""
    return slice(box[0], box[2]), slice(box[1], box[3])


def _cuts(canvas: Canvas, size: Size, axis: int, count: int, stride: int) -> list[int]:
    """Where rows or columns of windows begin in the picture, and where the last one ends."""
    scale = size[axis] / canvas.content[axis]
    begins = (
        (canvas.grid.place(number * stride)[axis] - canvas.corner[axis]) * scale
        for number in range(count)
    )
    # A pixel belongs to the window in which its middle lies.
    inner = [min(max(0, int(np.ceil(begin - 0.5))), size[axis]) for begin in begins]
    return [*inner, size[axis]]
