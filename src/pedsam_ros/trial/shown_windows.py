"""Finds out which frame a window came from, by its pixels alone."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import NamedTuple

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.model.preprocess import resize
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.types import Pixels
from pedsam_ros.core.windows import Canvas, partition
from pedsam_ros.trial.diary import Sent, checksum
from pedsam_ros.trial.walk import Walk

BEFORE_S = 15.0  # a window may come so long after its frame was shown: a stopped worker reads late
_MOST_TABLES = 1000
_MOST_VAIN = 200  # searches; then only frames are tried whose windows are known to lie somehow

_Table = dict[int, tuple[tuple[int, int], int]]  # window -> corner of its content, checksum


class Origin(NamedTuple):
    """Where a window came from."""

    frame: int  # its number
    canvas: Canvas


class ShownWindows:
    """Knows the windows of the frames of a walk.

    `shown_s`: when each frame was shown, monotonic s. `shifts`: how the windows of some frames
    lie; for the others that is found out by trying. All that counts in the end are the pixels.
    """

    def __init__(
        self, arch: Architecture, walk: Walk, shown_s: Sequence[float], shifts: Mapping[int, Shift]
    ) -> None:
        self._arch, self._walk, self._shown_s = arch, walk, shown_s
        self._shifts = dict(shifts)
        self._tables: dict[int, _Table] = {}
        self._vain = 0

    def origin(self, sent: Sent) -> Origin | None:
        """The newest frame, shown at most 15 s before, that has this window at its place; None if
        there is none."""
        since, until = sent.at_s - BEFORE_S, sent.at_s
        numbers = range(bisect_left(self._shown_s, since), bisect_right(self._shown_s, until))
        for number in reversed(numbers):
            shift = self._shifts.get(number)
            if shift and shift.offset == sent.offset and self._has(number, shift, sent):
                return Origin(number, self._canvas(number, shift))
        return self._searched(sent, [each for each in numbers if each not in self._shifts])

    def _has(self, number: int, shift: Shift, sent: Sent) -> bool:
        if number not in self._tables:
            while len(self._tables) >= _MOST_TABLES:
                del self._tables[next(iter(self._tables))]
            self._tables[number] = self._table(number, shift)
        return self._tables[number].get(sent.window) == (sent.corner, sent.checksum)

    def _table(self, number: int, shift: Shift) -> _Table:
        canvas = self._canvas(number, shift)
        parts = partition(self._content(number, canvas), canvas.grid, canvas.corner)
        return {
            index: (canvas.content_corner(index), checksum(part)) for index, part in parts.items()
        }

    def _searched(self, sent: Sent, numbers: Sequence[int]) -> Origin | None:
        """Tries every corner at which the content of a frame may begin."""
        if self._vain >= _MOST_VAIN:
            return None
        for number in reversed(numbers):
            content = self._content(number, self._canvas(number, Shift(sent.offset)))
            for canvas in self._canvases(number, sent):
                if checksum(content[canvas.content_span(sent.window)]) == sent.checksum:
                    self._shifts[number] = canvas.shift
                    return Origin(number, canvas)
        self._vain += 1
        return None

    def _canvases(self, number: int, sent: Sent) -> Iterator[Canvas]:
        """All that have the window's content where it says."""
        places = range(self._arch.patch_px)
        for top, left in product(places, places):
            canvas = self._canvas(number, Shift(sent.offset, (top, left)))
            exists = sent.window < canvas.grid.count
            if exists and canvas.content_corner(sent.window) == sent.corner:
                yield canvas

    def _canvas(self, number: int, shift: Shift) -> Canvas:
        return Canvas.fit(self._arch, *self._walk.view(number).size, shift=shift)

    def _content(self, number: int, canvas: Canvas) -> Pixels:
        return resize(self._walk.picture(number), canvas.content)
