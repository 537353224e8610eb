"""Decides which worker may see which window. Every window has one home for the whole session.

A lattice deals out the windows so that those of one worker lie apart: with 2 or 3 workers no two
of them share a side, and with 4 or more no two touch even at a corner. Where a rule forbids what
the lattice chose, a search finds homes that keep every rule. It stays with the lattice where it
can.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.placement_config import PlacementConfig
from pedsam_ros.core.windows import Canvas, Grid
from pedsam_ros.core.workers_file import WorkerEntry

Parts: TypeAlias = 'NDArray[np.float64]'  # (shapes,) shares 0..1, in the order of _SHAPES
LOCAL = ''  # home of the windows that never leave the edge
_MOST_TRIES = 2_000  # homes tried before the search gives up
_SHAPES = ((1, 1), (3, 4), (4, 3), (9, 16), (16, 9))  # camera shapes: height, width
_NEAR = {  # adjacency -> (rows down, columns right) of half of the neighbours
    0: (),
    4: ((0, 1), (1, 0)),
    8: ((0, 1), (1, 0), (1, 1), (1, -1)),
}


def place(
    grid: Grid, workers: Sequence[WorkerEntry], rules: PlacementConfig | None = None
) -> dict[int, str]:
    """Maps every window to its home: the name of a worker, or `LOCAL` if it stays on the edge.

    Equal arguments give equal homes. A spare is never a home. Raises ConfigError if a rule cannot
    be kept; the message names the rule and, where there is one, a weaker rule that can.
    """
    rules = rules or PlacementConfig()
    homes = in_order([worker for worker in workers if not worker.spare], rules.session_key)
    _check(grid, homes, rules)
    search = _Search(grid, homes, rules)
    found = search.run()
    if found is None:
        raise ConfigError(search.what_would())
    seeing = set(found.values()) - {LOCAL}
    if len(seeing) == 1 and sum(home != LOCAL for home in found.values()) > 1:
        raise ConfigError(
            f'{seeing.pop()}: would see every window that leaves the edge; '
            'allow other workers some of them'
        )
    return {index: found[index] for index in sorted(found)}


def in_order(workers: Sequence[WorkerEntry], session_key: str) -> list[WorkerEntry]:
    """The workers in the order in which a lattice deals to them: as given, or by the key."""
    if not session_key:
        return list(workers)
    return sorted(workers, key=lambda worker: _digest(session_key, worker.name))


def neighbours(grid: Grid, index: int, adjacency: int) -> Iterator[int]:
    """Yields the windows that touch window `index`.

    `adjacency` 4 yields those that share a side with it, 8 also those that share a corner, and 0
    nothing.
    """
    row, column = divmod(index, grid.columns)
    for down, right in _NEAR[adjacency]:
        for sign in (1, -1):
            r, c = row + sign * down, column + sign * right
            if 0 <= r < grid.rows and 0 <= c < grid.columns:
                yield r * grid.columns + c


def share(windows: Iterable[int], canvas: Canvas) -> float:
    """Returns the share of the frame's content that these windows hold, 0..1."""
    seen = sum(canvas.content_area(index) for index in windows)
    return seen / (canvas.content[0] * canvas.content[1])


def windows_by_worker(homes: Mapping[int, str], windows: Iterable[int]) -> dict[str, list[int]]:
    """Groups `windows` by home: worker -> its windows, in the order given.

    Windows that stay on the edge are under `LOCAL`. Workers without a window are left out.
    """
    chosen: dict[str, list[int]] = {}
    for index in windows:
        chosen.setdefault(homes[index], []).append(index)
    return chosen


class _Search:
    """Searches for homes depth first.

    It places the window with the fewest possible homes first, and tries its lattice home before
    others. A share must keep `max_share` in every camera shape of `_SHAPES`.
    """

    def __init__(self, grid: Grid, workers: Sequence[WorkerEntry], rules: PlacementConfig) -> None:
        self.grid, self.workers, self.rules = grid, workers, rules
        self.homes: dict[int, str] = {}
        self.tries = 0
        canvases = [_canvas(grid, *shape) for shape in _SHAPES]
        self._parts = [  # for each window: its share of the content in each shape
            np.array([share([index], canvas) for canvas in canvases])
            for index in range(grid.count)
        ]

    def run(self) -> dict[int, str] | None:
        """Returns window -> home, or None if the search finds no placement within its tries."""
        self.homes = dict.fromkeys(self.rules.local_windows, LOCAL)
        return self.homes if self._extend() else None

    def most(self) -> float:
        """Returns the largest share that a worker has in any camera shape, 0..1."""
        return max(float(load.max()) for load in self._loads().values())

    def what_would(self) -> str:
        """Writes an error text: the rule that cannot be kept, and a weaker one that can."""
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
        """Finds homes for all windows without a home. Returns whether it succeeded."""
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
        """Says whether the windows `left` hold more than all workers may still take."""
        room = self._cap * len(self.workers) - sum(loads.values())
        needed = np.sum([self._parts[index] for index in left], axis=0)
        return bool((needed > room + 1e-9).any())

    def _open(self, index: int, loads: Mapping[str, Parts]) -> list[str]:
        """Lists the workers that may still become a window's home, the best first.

        The best is its lattice home; the others follow by rising share.
        """
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
        """Returns the share that each worker has so far, in each camera shape."""
        loads: dict[str, Parts] = {w.name: np.zeros(len(_SHAPES)) for w in self.workers}
        for index, home in self.homes.items():
            if home != LOCAL:
                loads[home] += self._parts[index]
        return loads

    @property
    def _cap(self) -> float:
        return self.rules.max_share or 1.0


def _canvas(grid: Grid, height: int, width: int) -> Canvas:
    """Puts a frame of this shape on a canvas with this grid; its long side fills the canvas."""
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
    """Returns the number of the worker that the lattice gives a window, 0..workers - 1.

    Each row is shifted against the one above it. With more workers the shift is larger, so that
    every worker gets a window.
    """
    row, column = divmod(index, side)
    if workers == 4:
        return 2 * (row % 2) + column % 2
    step = 1 if workers < 4 else max(2, math.ceil((workers - side) / max(1, side - 1)))
    return (min(step, side) * row + column) % workers
