"""What each worker has ever been sent, and what it may still be sent. No I/O, no clock.

Whoever sends follows three steps: ask `admit`; if `changes` rose, write `to_json` to the disk;
send. In that order, neither a crash nor a full disk can let a worker see more than its cap.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pedsam_ros.core.errors import ConfigError, ExposureError
from pedsam_ros.core.placement import neighbours
from pedsam_ros.core.windows import Canvas, Grid

_VERSION = 1
Extent = tuple[int, int]  # (h, w) of the content of a window, canvas px


@dataclass(slots=True)
class Exposure:
    """What one worker has been sent so far."""

    windows: dict[int, Extent] = field(default_factory=dict)  # the largest content of each
    frames: int = 0
    first_s: float = 0.0  # Unix time of the first frame
    last_s: float = 0.0  # Unix time of the last frame


@dataclass(slots=True)
class Ledger:
    """The exposure of every worker of one edge, and the cap that holds for each of them.

    The scene is the union of all content that any frame ever had. The cap is `max_share` of the
    scene; if `max_share` is 0, it is the largest share that `homes` gives one worker.
    """

    grid: Grid  # in px
    homes: Mapping[int, str]  # window -> worker
    max_share: float = 0.0
    workers: dict[str, Exposure] = field(default_factory=dict)
    scene: dict[int, Extent] = field(default_factory=dict)
    stands_in: dict[str, str] = field(default_factory=dict)  # spare -> the worker it replaces
    changes: int = 0  # rises with each change that must be on the disk before anything is sent

    @classmethod
    def from_json(
        cls,
        text: str,
        homes: Mapping[int, str],
        max_share: float = 0.0,
        grid: Grid | None = None,
    ) -> Ledger:
        """Reads what `to_json` wrote; `homes` and `max_share` are not in it.

        With `grid`, a ledger of any other grid is refused. Without, the file says which grid it
        is; pass `homes={}` where only the exposure is of interest. Raises ConfigError.
        """
        try:
            read = json.loads(text)
            version, found = read['version'], _grid(read['extent'], read['window'])
            scene, stands_in = _unlisted(read['scene']), dict(read['stands_in'])
            workers = {name: _exposure(seen) for name, seen in read['workers'].items()}
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ConfigError(f'not an exposure ledger ({error!r:.100})') from None
        wanted = grid or found
        if (version, found) != (_VERSION, wanted):
            raise ConfigError(
                f'version {version}, windows of {found.window} in {found.extent} px; expected: '
                f'version {_VERSION}, {wanted.window} in {wanted.extent} px'
            )
        return cls(wanted, homes, max_share, workers, scene, stands_in)

    def admit(
        self, sends: Mapping[str, Iterable[int]], canvas: Canvas, frames: int, now_s: float
    ) -> None:
        """Notes which windows of a frame go to which worker. `frames` is 1 for a new frame and 0
        for one that is under way; `now_s` is Unix time.

        Raises ExposureError, and notes nothing, if a worker would see more than its cap or a
        window that another worker has seen. Homes hold for as long as the ledger does.
        """
        scene = _grown(self.scene, canvas, canvas.windows())
        views = {
            name: _grown(self.workers.get(name, Exposure()).windows, canvas, windows)
            for name, windows in sends.items()
        }
        total, cap = _area(scene), self._cap(scene)
        for name, view in views.items():
            if (seen := _area(view)) > cap:
                raise ExposureError(
                    f'{name}: would have seen {seen / total:.1%} of the scene; its cap is '
                    f'{cap / total:.1%}'
                )
        for name, windows in sends.items():
            self._check_owners(name, windows)
        self.changes += scene != self.scene
        self.scene = scene
        for name, view in views.items():
            self._note(name, view, frames, now_s)

    def conflict(self) -> str:
        """Says which home may not be sent its windows, because the ledger shows them with another
        worker; empty if there is no such home."""
        try:
            for index, home in self.homes.items():
                if home:
                    self._check_owners(home, [index])
        except ExposureError as error:
            return str(error)
        return ''

    def bind(self, spare: str, home: str) -> None:
        """Has a spare stand in for a worker from now on. It keeps that role until `reset`.

        Raises ExposureError if it stands in for another worker already.
        """
        if self.stands_in.get(spare, home) != home:
            raise ExposureError(f'{spare}: stands in for {self.stands_in[spare]}, not for {home}')
        self.changes += spare not in self.stands_in
        self.stands_in[spare] = home

    def reset(self) -> None:
        """Forgets everything. Only for a person who knows that the workers have forgotten too."""
        self.workers, self.scene, self.stands_in = {}, {}, {}
        self.changes += 1

    def share(self, worker: str) -> float:
        """The part of the scene that a worker has seen, 0..1."""
        total = _area(self.scene)
        return _area(self.workers[worker].windows) / total if worker in self.workers else 0.0

    def cap(self) -> float:
        """The part of the scene that a worker may see, 0..1."""
        total = _area(self.scene)
        return self._cap(self.scene) / total if total else self.max_share

    def largest_region(self, worker: str) -> float:
        """The part of the scene in the largest piece that a worker has seen, 0..1. Windows that
        share a side belong to one piece."""
        left = dict(self.workers[worker].windows) if worker in self.workers else {}
        largest = 0
        while left:
            largest = max(largest, self._take_piece(left))
        return largest / _area(self.scene) if largest else 0.0

    def to_json(self) -> str:
        """Writes down the exposure. Homes and cap are not in it: they belong to the
        configuration."""
        workers = {
            name: {
                'windows': _listed(seen.windows),
                'frames': seen.frames,
                'first_s': seen.first_s,
                'last_s': seen.last_s,
            }
            for name, seen in self.workers.items()
        }
        head = {'version': _VERSION, 'extent': self.grid.extent, 'window': self.grid.window}
        rest = {'scene': _listed(self.scene), 'stands_in': self.stands_in, 'workers': workers}
        return json.dumps(head | rest, indent=1)

    def _check_owners(self, worker: str, windows: Iterable[int]) -> None:
        """Raises ExposureError unless `worker` is the home of these windows or a spare of it, and
        nobody else has seen them."""
        regular = set(self.homes.values())
        for index in windows:
            home = self.homes[index]
            spare = worker not in regular and self.stands_in.get(worker, home) == home
            if worker != home and not spare:
                raise ExposureError(f'{worker}: window={index} is for {home or "the edge"} alone')
            owners = {worker, home, self.stands_in.get(worker, home)}
            for other, seen in self.workers.items():
                own = other in owners or self.stands_in.get(other) in owners
                if index in seen.windows and not own:
                    raise ExposureError(
                        f'{worker}: window={index} was shown to {other}; give it that home again, '
                        'or reset the ledger once its workers have forgotten'
                    )

    def _note(self, worker: str, view: dict[int, Extent], frames: int, now_s: float) -> None:
        seen = self.workers.setdefault(worker, Exposure(first_s=now_s))
        self.changes += view != seen.windows
        seen.windows, seen.last_s = view, now_s
        seen.frames += frames

    def _cap(self, scene: Mapping[int, Extent]) -> float:
        """The most content that a worker may see, in canvas px."""
        if self.max_share:
            return self.max_share * _area(scene) + 0.5
        shares: dict[str, int] = {}
        for index, (height, width) in scene.items():
            home = self.homes[index]
            shares[home] = shares.get(home, 0) + height * width if home else 0
        return max(shares.values(), default=0)

    def _take_piece(self, left: dict[int, Extent]) -> int:
        """Takes one piece out of `left`. Returns its area, in canvas px."""
        area, edge = 0, [next(iter(left))]
        while edge:
            index = edge.pop()
            if index in left:
                height, width = left.pop(index)
                area += height * width
                edge += neighbours(self.grid, index, 4)
        return area


def _grown(
    seen: Mapping[int, Extent], canvas: Canvas, windows: Iterable[int]
) -> dict[int, Extent]:
    """`seen`, with the content of some windows of a frame added."""
    grown = dict(seen)
    for index in windows:
        height, width = canvas.content_shape(index)
        before = grown.get(index, (0, 0))
        grown[index] = (max(before[0], height), max(before[1], width))
    return grown


def _area(windows: Mapping[int, Extent]) -> int:
    return sum(height * width for height, width in windows.values())


def _listed(windows: Mapping[int, Extent]) -> list[list[int]]:
    return [[index, *extent] for index, extent in sorted(windows.items())]


def _grid(extent: Any, window: Any) -> Grid:
    """Raises ValueError unless both are whole numbers above 0."""
    if not (type(extent) is type(window) is int and min(extent, window) > 0):
        raise ValueError(f'extent={extent!r:.20}, window={window!r:.20}: whole numbers above 0')
    return Grid(extent, window)


def _unlisted(rows: Iterable[Iterable[int]]) -> dict[int, Extent]:
    return {int(index): (int(height), int(width)) for index, height, width in rows}


def _exposure(read: Mapping[str, Any]) -> Exposure:
    windows = _unlisted(read['windows'])
    return Exposure(windows, int(read['frames']), float(read['first_s']), float(read['last_s']))
