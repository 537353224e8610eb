"""How much of a view each worker has ever seen, and which windows may still go to it.

What was seen is a picture of bits, uint16: bit n says that the worker with number n saw a pixel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.planes import Size
from pedsam_ros.core.windows import Canvas

MOST_WORKERS = 16  # bits of a pixel
Bits = NDArray[np.uint16]


def window_map(canvas: Canvas, size: Size) -> NDArray[np.intp]:
    """The window of every pixel of a picture of this size that shows the whole content, (h, w)."""
    along = []
    for axis in (0, 1):
        step = canvas.content[axis] / size[axis]
        middles = (np.arange(size[axis]) + 0.5) * step + canvas.corner[axis]
        stride = canvas.grid.columns if axis == 0 else 1
        count = canvas.grid.rows if axis == 0 else canvas.grid.columns
        begins = [canvas.grid.place(number * stride)[axis] for number in range(count)]
        along.append(np.searchsorted(begins, middles, side='right') - 1)
    return along[0][:, None] * canvas.grid.columns + along[1]


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


@dataclass(frozen=True, slots=True)
class Wish:
    """A window that is to go to a worker."""

    window: int
    bits: int  # under which its worker is known; the window is new where none of them is set


def kept_here(
    seen: Bits, windows: NDArray[np.intp], wishes: Sequence[Wish], most_px: float
) -> set[int]:
    """The windows that must not go, so that no worker has seen more than `most_px` of the view.

    `seen` (h, w) is what was seen of it before, `windows` (h, w) the window of each pixel. Of each
    worker the windows that add most stay here first. What adds nothing may always go.
    """
    by_worker: dict[int, list[int]] = {}
    for wish in wishes:
        by_worker.setdefault(wish.bits, []).append(wish.window)
    areas = np.bincount(windows.ravel())
    here: set[int] = set()
    for bits, indices in by_worker.items():
        already = (seen & np.uint16(bits)) > 0
        known = np.bincount(windows[already], minlength=len(areas))
        total = int(already.sum())
        adds = {index: int(areas[index] - known[index]) for index in indices if index < len(areas)}
        for index in sorted(adds, key=lambda each: (adds[each], each)):
            if adds[index] and total + adds[index] > most_px:
                here.add(index)
            else:
                total += adds[index]
    return here


def shown(windows: NDArray[np.intp], sends: Mapping[int, int]) -> Bits:
    """What a frame shows to workers, (h, w); `sends` maps windows to bits."""
    table = np.zeros(int(windows.max()) + 1, np.uint16)
    for window, bits in sends.items():
        if window < len(table):
            table[window] |= np.uint16(bits)
    return table[windows]
