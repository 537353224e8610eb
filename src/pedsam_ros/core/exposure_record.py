"""What an exposure ledger holds, and its form as JSON.

Whatever a file says, `read` returns a sound record or raises ConfigError. Workers stand under
their identities: the public key of a worker, or `name:NAME` of one without a key. Files of
version 1 knew names only, so they are read as what they are: records of `name:NAME`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pedsam_ros.core.common_settings import NAME
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.extents import Extent, add
from pedsam_ros.core.foreign_text import parsed_json
from pedsam_ros.core.shown import shown
from pedsam_ros.core.windows import Grid

MOST_BYTES = 2**20  # of a ledger as JSON
MOST_WORKERS = 256  # identities, present or not
MOST_FRAMES = 2**53
MOST_S = 2.0**37  # Unix time; in the year 6325
BY_NAME = 'name:'  # begins the identity of a worker without a key

_VERSION = 2
_MOST_PX, _MOST_SIDE = 2**16, 128  # of a grid
_IDENTITY = re.compile(rf'{BY_NAME}{NAME}|[A-Za-z0-9+/]{{43}}=')
_NAME = re.compile(NAME)
_TOP = {'version', 'extent', 'window', 'scene', 'stands_in', 'workers'}
_OF_WORKER = {'windows', 'frames', 'first_s', 'last_s'}  # since version 2 also `name`


@dataclass(slots=True)
class Exposure:
    """What one worker has been sent so far."""

    name: str  # under which it was sent something last
    windows: dict[int, Extent] = field(default_factory=dict)  # the largest content of each
    frames: int = 0
    first_s: float = 0.0  # Unix time of the first frame
    last_s: float = 0.0  # Unix time of the last frame


def together(name: str, parts: Sequence[Exposure]) -> Exposure:
    """What a worker has been sent under several identities."""
    windows: dict[int, Extent] = {}
    for part in parts:
        add(windows, part.windows)
    return Exposure(
        name,
        windows,
        sum(part.frames for part in parts),
        min((part.first_s for part in parts), default=0.0),
        max((part.last_s for part in parts), default=0.0),
    )


@dataclass(slots=True)
class ExposureRecord:
    """What an edge has sent. Every window that was seen is in the scene, at least as large."""

    grid: Grid  # in px
    scene: dict[int, Extent] = field(default_factory=dict)  # all content that any frame had
    seen: dict[str, Exposure] = field(default_factory=dict)  # identity -> what it was sent
    bound: dict[str, str] = field(default_factory=dict)  # of a spare -> of whom it replaces


def read(text: str) -> ExposureRecord:
    """Reads what `written` wrote, in this version or the one before. Raises ConfigError."""
    try:
        return _record(parsed_json(text, MOST_BYTES))
    except ValueError as error:
        raise ConfigError(f'not an exposure ledger: {shown(error, 200)}') from None


def written(record: ExposureRecord) -> str:
    """The record as JSON."""
    workers = {
        identity: {
            'name': seen.name,
            'windows': _listed(seen.windows),
            'frames': seen.frames,
            'first_s': seen.first_s,
            'last_s': seen.last_s,
        }
        for identity, seen in record.seen.items()
    }
    head = {'version': _VERSION, 'extent': record.grid.extent, 'window': record.grid.window}
    rest = {'scene': _listed(record.scene), 'stands_in': record.bound, 'workers': workers}
    return json.dumps(head | rest)


def is_identity(text: str) -> bool:
    """Whether a text is the identity of a worker, and not its name."""
    return _IDENTITY.fullmatch(text) is not None


def _record(data: Any) -> ExposureRecord:
    _check(isinstance(data, dict), 'no JSON object')
    version = data.get('version')
    known = type(version) is int and 1 <= version <= _VERSION
    _check(known, f'version={shown(version)}: versions 1 to {_VERSION} can be read')
    _check_keys(data, _TOP)
    grid = _grid(data['extent'], data['window'])
    scene = _windows(data['scene'], grid, dict(enumerate(map(grid.shape, range(grid.count)))))
    identity = _identity if version > 1 else _identity_of_name
    fields = _OF_WORKER | ({'name'} if version > 1 else set())
    workers = _object('workers', data['workers'])
    seen = {
        identity(key): _exposure(identity(key), each, fields, grid, scene)
        for key, each in workers.items()
    }
    stands_in = _object('stands_in', data['stands_in'])
    bound = {identity(spare): identity(home) for spare, home in stands_in.items()}
    return ExposureRecord(grid, scene, seen, bound)


def _exposure(
    identity: str, data: Any, fields: set[str], grid: Grid, scene: Mapping[int, Extent]
) -> Exposure:
    _check(isinstance(data, dict), f'{identity}: no JSON object')
    _check_keys(data, fields)
    name = data.get('name', identity.removeprefix(BY_NAME))
    _check(isinstance(name, str) and _NAME.fullmatch(name), f'name={shown(name)}: no name')
    windows = _windows(data['windows'], grid, scene)
    frames = _whole('frames', data['frames'], 0, MOST_FRAMES)
    first_s, last_s = (_seconds(each, data[each]) for each in ('first_s', 'last_s'))
    return Exposure(name, windows, frames, first_s, last_s)


def _windows(rows: Any, grid: Grid, largest: Mapping[int, Extent]) -> dict[int, Extent]:
    """Window -> extent, from rows of [index, h, w], none larger than in `largest`."""
    _check(isinstance(rows, list), f'windows={shown(rows)}: no list')
    found: dict[int, Extent] = {}
    for row in rows:
        if not isinstance(row, list) or len(row) != 3:
            raise ValueError(f'window={shown(row)}: not [index, h, w]')
        index = _whole('window', row[0], 0, grid.count - 1)
        if index not in largest or index in found:
            wrong = 'it stands twice' if index in found else 'the scene does not hold it'
            raise ValueError(f'window={index}: {wrong}')
        most_h, most_w = largest[index]
        found[index] = (_whole('height', row[1], 1, most_h), _whole('width', row[2], 1, most_w))
    return found


def _grid(extent: Any, window: Any) -> Grid:
    extent = _whole('extent', extent, 1, _MOST_PX)
    grid = Grid(extent, _whole('window', window, 1, _MOST_PX))
    _check(grid.side <= _MOST_SIDE, f'{grid.side} windows a side: at most {_MOST_SIDE}')
    return grid


def _identity(text: Any) -> str:
    _check(
        isinstance(text, str) and is_identity(text),
        f'{shown(text)}: neither a public key nor {BY_NAME}NAME',
    )
    return str(text)


def _identity_of_name(text: Any) -> str:
    return _identity(f'{BY_NAME}{text}' if isinstance(text, str) else text)


def _object(what: str, data: Any) -> dict[str, Any]:
    _check(isinstance(data, dict), f'{what}={shown(data)}: no JSON object')
    _check(len(data) <= MOST_WORKERS, f'{what}: {len(data)}; at most {MOST_WORKERS}')
    return dict(data)


def _whole(what: str, value: Any, low: int, high: int) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ValueError(f'{what}={shown(value)}: a whole number from {low} to {high} is expected')
    return value


def _seconds(what: str, value: Any) -> float:
    fits = type(value) in (int, float) and 0 <= value <= MOST_S  # NaN is not
    _check(fits, f'{what}={shown(value)}: a time from 0 to {MOST_S:.0f} s is expected')
    return float(value)


def _check_keys(data: Mapping[str, Any], expected: set[str]) -> None:
    _check(set(data) == expected, f'keys={shown(sorted(data))}: not {sorted(expected)}')


def _check(holds: object, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _listed(windows: Mapping[int, Extent]) -> list[list[int]]:
    return [[index, *extent] for index, extent in sorted(windows.items())]
