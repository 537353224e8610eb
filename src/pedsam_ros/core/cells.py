"""Where the partition lies on a frame so that it stays still in the scene, and whose each cell is.

A cell is a window's place in the scene: row and column, which have no end in any direction. Cell
(0, 0) begins at the `origin` of a view.
"""

from __future__ import annotations

from collections.abc import Sequence

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.placement import in_order
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.shift import Shift
from pedsam_ros.core.windows import Canvas
from pedsam_ros.core.workers_file import WorkerEntry

Cell = tuple[int, int]  # row, column; may be negative
Origin = tuple[int, int]  # where cell (0, 0) begins in the content: row and column, canvas px
_STEPS = 8  # of a cell, in which its place is varied to find the largest share
_HOLD_PX = 0.75  # canvas px; the grid stays where it is while it is no further from its place


class Lattice:
    """Deals the cells of a whole plane to workers. Spares get none.

    Raises ConfigError if there are fewer than two workers, or if a rule names windows by index,
    counts them or forbids neighbours that the lattice has: a cell has no index, and no search can
    mend a plane.
    """

    def __init__(self, workers: Sequence[WorkerEntry], rules: PlacementConfig) -> None:
        regular = in_order([each for each in workers if not each.spare], rules.session_key)
        self.names = tuple(worker.name for worker in regular)
        self._largest: tuple[tuple[int, int], int, float] | None = None  # of the last view
        if len(self.names) < 2:
            raise ConfigError(f'{len(self.names)} worker(s): one alone would see the whole scene')
        if rules.max_share:
            raise ConfigError(
                f'max_share={rules.max_share}: counts places in the image; with anchor=scene, '
                'max_coverage holds'
            )
        named = [worker.name for worker in workers if worker.windows is not None]
        if rules.local_windows:
            named.append('placement.local_windows')
        if named:
            raise ConfigError(
                f'{", ".join(named)}: names windows by index, which are no places in a scene; '
                'use anchor=image for a camera that never moves'
            )
        if rules.adjacency == 8 and len(self.names) < 4:
            raise ConfigError(
                f'adjacency=8: no lattice of {len(self.names)} workers keeps it; adjacency=4 can '
                'be kept, or add workers'
            )

    def home(self, cell: Cell) -> str:
        """The name of the worker to whom a cell belongs."""
        row, column = cell
        count = len(self.names)
        if count == 4:
            return self.names[2 * (row % 2) + column % 2]
        return self.names[((1 if count < 4 else 2) * row + column) % count]

    def largest_share(self, content: tuple[int, int], window_px: int) -> float:
        """The largest share of a view of this height and width, canvas px, that one worker gets,
        wherever the cells begin; 0..1."""
        if self._largest and self._largest[:2] == (content, window_px):
            return self._largest[2]
        step = max(1, window_px // _STEPS)
        found = max(
            self._share(content, window_px, (top, left))
            for top in range(0, window_px, step)
            for left in range(0, window_px, step)
        )
        self._largest = content, window_px, found
        return found

    def _share(self, content: tuple[int, int], window_px: int, origin: Origin) -> float:
        heights, widths = (
            _lengths(extent, window_px, begin)
            for extent, begin in zip(content, origin, strict=True)
        )
        shares: dict[str, int] = {}
        for row, height in heights.items():
            for column, width in widths.items():
                # Which worker it is depends on the cell where the view begins, how many not.
                home = self.home((row, column))
                shares[home] = shares.get(home, 0) + height * width
        return max(shares.values()) / (content[0] * content[1])


def shift_of(origin: Origin, arch: Architecture) -> Shift:
    """The shift under which windows begin where cells do."""
    patch = arch.patch_px
    within = [begin % arch.window_px for begin in origin]
    rows, columns = (-(-begin // patch) % arch.window for begin in within)
    top, left = (-begin % patch for begin in within)
    return Shift((rows, columns), (top, left))


def cells_of(canvas: Canvas, origin: Origin) -> dict[int, Cell]:
    """The cell of each window that holds content, on a canvas shifted by `shift_of`."""
    found = {}
    for index in canvas.windows():
        begins = zip(canvas.grid.place(index), canvas.corner, origin, strict=True)
        row, column = (
            (place - corner - begin) // canvas.grid.window for place, corner, begin in begins
        )
        found[index] = (row, column)
    return found


def held(origin: tuple[float, float], last: Origin | None) -> Origin:
    """The origin in whole px. It stays the last one while it is less than 0.75 px away, so that
    noise never moves the grid of a camera that stands still."""
    before = last or (0, 0)
    row, column = (
        was if last and abs(now - was) < _HOLD_PX else round(now)
        for now, was in zip(origin, before, strict=True)
    )
    return row, column


def _lengths(extent: int, window_px: int, begin: int) -> dict[int, int]:
    """Row or column of cells -> how much of a view it covers, px."""
    found = {}
    for number in range(-begin // window_px, (extent - begin) // window_px + 1):
        start = begin + number * window_px
        length = min(extent, start + window_px) - max(0, start)
        if length > 0:
            found[number] = length
    return found
