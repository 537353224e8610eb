"""What each worker has ever been sent, and what it may still be sent. No I/O, no clock.

Whoever sends asks `admit` first, writes `to_json` down if `changes` rose, and only then sends: so
no crash, and no disk that is full, can let a worker see more than its cap.
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
Extent = tuple[int, int]  # height and width of the content of a window, px on the canvas


@dataclass(slots=True)
class Exposure:
    """What one worker has been sent."""

    windows: dict[int, Extent] = field(default_factory=dict)  # the largest content of each
    frames: int = 0
    first_s: float = 0.0  # Unix time of the first frame and of the last
    last_s: float = 0.0


@dataclass(slots=True)
class Ledger:
    """The exposure of every worker of one edge, and the cap that all of them have.

    The cap is `max_share` of all content there ever was; 0: the largest share of `homes`.
    """

    grid: Grid  # in px
    homes: Mapping[int, str]
    max_share: float = 0.0
    workers: dict[str, Exposure] = field(default_factory=dict)
    scene: dict[int, Extent] = field(default_factory=dict)  # all content there ever was
    stands_in: dict[str, str] = field(default_factory=dict)  # spare -> whose windows it has
    changes: int = 0  # rises with all that must be written down before anything is sent

    def admit(
        self, sends: Mapping[str, Iterable[int]], canvas: Canvas, frames: int, now_s: float
    ) -> None:
        """Notes that some windows of a frame go to each worker; `frames`: 1 if it is a new one.

        Raises ExposureError, and notes nothing, if one would see more than the cap, or a window
        that was another's before: homes hold for as long as the ledger does.
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
        """Why windows may not be sent to these homes, as far as is known; empty: they may."""
        try:
            for index, home in self.homes.items():
                if home:
                    self._check_owners(home, [index])
        except ExposureError as error:
            return str(error)
        return ''

    def bind(self, spare: str, home: str) -> None:
        """Has a spare stand in for a worker from now on: for one only, for good.

        Raises ExposureError if it stands in for another.
        """
        if self.stands_in.get(spare, home) != home:
            raise ExposureError(f'{spare}: stands in for {self.stands_in[spare]}, not for {home}')
        self.changes += spare not in self.stands_in
        self.stands_in[spare] = home

    def reset(self) -> None:
        """Forgets everything: for whoever knows that the workers have too."""
        self.workers, self.scene, self.stands_in = {}, {}, {}
        self.changes += 1

    def share(self, worker: str) -> float:
        """Part of all content there ever was that a worker has seen, 0..1."""
        total = _area(self.scene)
        return _area(self.workers[worker].windows) / total if worker in self.workers else 0.0

    def cap(self) -> float:
        """Part of all content there ever was that a worker may see, 0..1."""
        total = _area(self.scene)
        return self._cap(self.scene) / total if total else self.max_share

    def largest_region(self, worker: str) -> float:
        """Part of all content in the largest piece (windows that share a side) a worker has
        seen."""
        left = dict(self.workers[worker].windows) if worker in self.workers else {}
        largest = 0
        while left:
            largest = max(largest, self._take_piece(left))
        return largest / _area(self.scene) if largest else 0.0

    def to_json(self) -> str:
        """All of it but the rules, which are the configuration's."""
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

    def read_json(self, text: str) -> None:
        """Takes over what `to_json` wrote. Raises ConfigError if it is not of this grid."""
        try:
            read = json.loads(text)
            version, extent, window = read['version'], read['extent'], read['window']
            scene, stands_in = _unlisted(read['scene']), dict(read['stands_in'])
            workers = {name: _exposure(seen) for name, seen in read['workers'].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ConfigError(f'not an exposure ledger ({error!r:.100})') from None
        own = (_VERSION, self.grid.extent, self.grid.window)
        if (version, extent, window) != own:
            raise ConfigError(
                f'version {version}, windows of {window} in {extent} px; expected: version '
                f'{own[0]}, {own[2]} in {own[1]} px'
            )
        self.scene, self.stands_in, self.workers = scene, stands_in, workers

    def _check_owners(self, worker: str, windows: Iterable[int]) -> None:
        """A window is its home's and its spares'; nobody else may see it, or have seen it."""
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
        """Most content that a worker may see, px on the canvas."""
        if self.max_share:
            return self.max_share * _area(scene) + 0.5
        shares: dict[str, int] = {}
        for index, (height, width) in scene.items():
            home = self.homes[index]
            shares[home] = shares.get(home, 0) + height * width if home else 0
        return max(shares.values(), default=0)

    def _take_piece(self, left: dict[int, Extent]) -> int:
        """Takes one piece out of `left`; its area."""
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
    """`seen`, and the content of some windows of a frame."""
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


def _unlisted(rows: Iterable[Iterable[int]]) -> dict[int, Extent]:
    return {int(index): (int(height), int(width)) for index, height, width in rows}


def _exposure(read: Mapping[str, Any]) -> Exposure:
    windows = _unlisted(read['windows'])
    return Exposure(windows, int(read['frames']), float(read['first_s']), float(read['last_s']))
