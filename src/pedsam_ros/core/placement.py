"""Which worker may see which window. Every window has one home, for the whole session.

The lattices keep a worker's windows apart: with 2 and 3 workers no two share a side, with 4 and
more no two touch at all. Where a rule forbids a lattice's choice, the nearest placement that keeps
every rule is searched for.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.config import PlacementConfig
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.windows import Canvas, Grid
from pedsam_ros.core.workers_file import WorkerEntry

Parts: TypeAlias = 'NDArray[np.float64]'  # shares, one for each of _SHAPES
LOCAL = ''  # home of the windows that never leave the edge
_MOST_TRIES = 2_000
_SHAPES = ((1, 1), (3, 4), (4, 3), (9, 16), (16, 9))  # of cameras: height, width
_NEAR = {0: (), 4: ((0, 1), (1, 0)), 8: ((0, 1), (1, 0), (1, 1), (1, -1))}


def place(
    grid: Grid, workers: Sequence[WorkerEntry], rules: PlacementConfig | None = None
) -> dict[int, str]:
    """Window -> home, `LOCAL` for those that stay. The same for the same arguments.

    Spares get none. Raises ConfigError if a rule cannot hold, saying which, and what would.
    """
    rules = rules or PlacementConfig()
    homes = [worker for worker in workers if not worker.spare]
    if rules.session_key:
        homes.sort(key=lambda worker: _digest(rules.session_key, worker.name))
    _check(grid, homes, rules)
    search = _Search(grid, homes, rules)
    found = search.run()
    if found is None:
        raise ConfigError(search.what_would())
    seeing = set(found.values()) - {LOCAL}
    if len(seeing) == 1 and sum(home != LOCAL for home in found.values()) > 1:
        raise ConfigError(
            f'{seeing.pop()}: would see every window that leaves the edge; allow others some'
        )
    return {index: found[index] for index in sorted(found)}


def neighbours(grid: Grid, index: int, adjacency: int) -> Iterator[int]:
    """Windows that share a side (4), or a side or a corner (8), with this one."""
    row, column = divmod(index, grid.side)
    for down, right in _NEAR[adjacency]:
        for sign in (1, -1):
            r, c = row + sign * down, column + sign * right
            if 0 <= r < grid.side and 0 <= c < grid.side:
                yield r * grid.side + c


def share(windows: Iterable[int], canvas: Canvas) -> float:
    """Part of the frame's content that these windows hold, 0..1."""
    seen = sum(canvas.content_area(index) for index in windows)
    return seen / (canvas.content[0] * canvas.content[1])


def windows_by_worker(homes: Mapping[int, str], windows: Iterable[int]) -> dict[str, list[int]]:
    """Worker -> those of `windows` that are at home with it."""
    chosen: dict[str, list[int]] = {}
    for index in windows:
        chosen.setdefault(homes[index], []).append(index)
    return chosen


class _Search:
    """Depth first: the window with the fewest homes left first, its lattice home before others.

    Shares are those of the camera shape for which they are largest.
    """

    def __init__(self, grid: Grid, workers: Sequence[WorkerEntry], rules: PlacementConfig) -> None:
        self.grid, self.workers, self.rules = grid, workers, rules
        self.homes: dict[int, str] = {}
        self.tries = 0
        canvases = [_canvas(grid, *shape) for shape in _SHAPES]
        self._parts = [  # of each window, in each shape
            np.array([share([index], canvas) for canvas in canvases])
            for index in range(grid.count)
        ]

    def run(self) -> dict[int, str] | None:
        """None if there is no placement, or none is found in reasonable time."""
        self.homes = dict.fromkeys(self.rules.local_windows, LOCAL)
        return self.homes if self._extend() else None

    def most(self) -> float:
        """The largest share that a worker has."""
        return max(float(load.max()) for load in self._loads().values())

    def what_would(self) -> str:
        """Names the rule that cannot hold, and what can in its place."""
        rules, given = self.rules, f'with {len(self.workers)} workers and these windows'
        weaker = [each for each in (4, 0) if each < rules.adjacency]
        for adjacency in weaker:
            if self._without(adjacency=adjacency):
                named = f'adjacency={rules.adjacency}: no placement {given} keeps it'
                return f'{named}; adjacency={adjacency} can be kept, or add workers'
        if rules.max_share and (found := self._without(max_share=0.0)):
            named = f'max_share={rules.max_share}: no placement found {given} keeps it'
            return f'{named}; {found.most():.3f} can be kept, or add workers'
        named = f'adjacency={rules.adjacency}, max_share={rules.max_share}'
        return f'{named}: no placement {given} keeps them; add workers'

    def _without(self, **changed: Any) -> _Search | None:
        other = _Search(self.grid, self.workers, replace(self.rules, **changed))
        return other if other.run() else None

    def _extend(self) -> bool:
        """Finds homes for all windows that have none."""
        left = [index for index in range(self.grid.count) if index not in self.homes]
        if not left:
            return True
        loads = self._loads()
        if self._hopeless(left, loads):
            return False
        options = {index: self._open(index, loads) for index in left}
        index = min(left, key=lambda i: len(options[i]))
        for name in options[index]:
            self.tries += 1
            self.homes[index] = name
            if self._extend():
                return True
            del self.homes[index]
            if self.tries > _MOST_TRIES:
                break
        return False

    def _hopeless(self, left: Sequence[int], loads: Mapping[str, Parts]) -> bool:
        """Whether more is left than all workers together have room for."""
        room = self._cap * len(self.workers) - sum(loads.values())
        needed = np.sum([self._parts[index] for index in left], axis=0)
        return bool((needed > room + 1e-9).any())

    def _open(self, index: int, loads: Mapping[str, Parts]) -> list[str]:
        """Workers that may have a window, given the homes so far; the best first."""
        near = {self.homes.get(i) for i in neighbours(self.grid, index, self.rules.adjacency)}
        wanted = self.workers[_lattice(index, self.grid.side, len(self.workers))].name
        names = [
            worker.name
            for worker in self.workers
            if (worker.windows is None or index in worker.windows)
            and worker.name not in near
            and (loads[worker.name] + self._parts[index] <= self._cap + 1e-9).all()
        ]
        return sorted(names, key=lambda name: (name != wanted, float(loads[name].max())))

    def _loads(self) -> dict[str, Parts]:
        """What each worker would see so far, in each shape."""
        loads: dict[str, Parts] = {w.name: np.zeros(len(_SHAPES)) for w in self.workers}
        for index, home in self.homes.items():
            if home != LOCAL:
                loads[home] += self._parts[index]
        return loads

    @property
    def _cap(self) -> float:
        return self.rules.max_share or 1.0


def _canvas(grid: Grid, height: int, width: int) -> Canvas:
    """A frame of some shape, on a canvas of this grid."""
    scale = grid.extent / max(height, width)
    size = (int(height * scale), int(width * scale))
    return Canvas(grid, size, size)


def _check(grid: Grid, workers: Sequence[WorkerEntry], rules: PlacementConfig) -> None:
    if len(workers) < 2:
        raise ConfigError(f'{len(workers)} worker(s): one alone would see the whole scene')
    named = [(worker.name, worker.windows or ()) for worker in workers]
    for name, windows in [*named, ('placement.local_windows', rules.local_windows)]:
        beyond = [index for index in windows if not 0 <= index < grid.count]
        if beyond:
            raise ConfigError(f'{name}: windows={beyond}: the grid has 0..{grid.count - 1}')
    for index in set(range(grid.count)) - set(rules.local_windows):
        if not any(worker.windows is None or index in worker.windows for worker in workers):
            raise ConfigError(
                f'window={index}: no worker is allowed to see it; allow one, or name it in '
                'placement.local_windows'
            )


def _digest(key: str, name: str) -> bytes:
    return hashlib.sha256(f'{key}|{name}'.encode()).digest()


def _lattice(index: int, side: int, workers: int) -> int:
    """Rows are shifted against each other; the more workers, the further, so that all have a
    part."""
    row, column = divmod(index, side)
    if workers == 4:
        return 2 * (row % 2) + column % 2
    step = 1 if workers < 4 else max(2, math.ceil((workers - side) / max(1, side - 1)))
    return (min(step, side) * row + column) % workers
