"""Two audits side by side: the same figures, and which differences are more than chance."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pedsam_ros.audit import told
from pedsam_ros.audit.headlines import headlines
from pedsam_ros.audit.outcome import FORMAT
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.foreign_text import read_json
from pedsam_ros.core.shown import shown, written

_MOST_BYTES = 2**24
_MOST_FIGURES = 20_000
_MOST_DEPTH = 12
_CHANCE = 2.0  # standard errors of a difference: less may be chance
_APART = ('format', 'story', 'verdict', 'settings', 'machine', 'versions', 'command')
_TIMES = ('took_s', 'cpu_s')  # they differ from run to run
_ESTIMATE = {'mean', 'standard_error', 'count'}
_SAME = {  # setting -> what a difference in it means
    'model_id': 'another model was split',
    'seed': 'chance differs',
    'stills': 'other images were attacked',
    'motion': 'other scenes were attacked',
}


@dataclass(frozen=True, slots=True)
class Row:
    """A figure of two audits; None where one does not have it."""

    name: str
    first: told.Known | str | None
    second: told.Known | str | None

    @property
    def difference(self) -> told.Known | None:
        """The second minus the first, with its standard error if both have one."""
        if not isinstance(self.first, told.Known) or not isinstance(self.second, told.Known):
            return None
        errors = self.first.error, self.second.error
        both = None if None in errors else math.hypot(*(each or 0.0 for each in errors))
        return told.Known(self.second.mean - self.first.mean, both)

    @property
    def changed(self) -> bool:
        """Whether they differ by more than two standard errors; at all, where there is none."""
        if (apart := self.difference) is None:
            return self.first != self.second
        return abs(apart.mean) > _CHANCE * (apart.error or 0.0)


def read_audit(path: Path) -> dict[str, Any]:
    """The figures of an audit.json. Raises ConfigError, which names the file, if it is none."""
    found = read_json(path, _MOST_BYTES)
    if not isinstance(found, dict) or found.get('format') != FORMAT:
        raise ConfigError(f'{shown(path, 300)}: not an audit.json of pedsam audit ({FORMAT})')
    if not isinstance(found.get('settings'), dict):
        raise ConfigError(
            f'{shown(path, 300)}: settings={written(found.get("settings"))}: damaged'
        )
    try:
        count = sum(1 for _ in leaves(found))
    except ValueError as error:
        raise ConfigError(f'{shown(path, 300)}: {error}') from None
    if count > _MOST_FIGURES:
        raise ConfigError(f'{shown(path, 300)}: {count} figures; at most {_MOST_FIGURES}')
    return found


def rows(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Row]:
    """All figures of the sections, in the order of the first audit; times are left out."""
    both = [dict(_sections(each)) for each in (first, second)]
    names = [*both[0], *(name for name in both[1] if name not in both[0])]
    return [Row(name, both[0].get(name), both[1].get(name)) for name in names]


def setting_rows(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Row]:
    """The settings of both."""
    both = [dict(leaves(each['settings'])) for each in (first, second)]
    names = [*both[0], *(name for name in both[1] if name not in both[0])]
    return [Row(name, both[0].get(name), both[1].get(name)) for name in names]


def warnings(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """What keeps two audits from being compared fairly, one sentence each."""
    found = [
        f'{name} differs ({told_shortly(a)} and {told_shortly(b)}): {why}.'
        for name, why in _SAME.items()
        if (a := first['settings'].get(name)) != (b := second['settings'].get(name))
    ]
    absent = [
        f'{name} ran in one of them only.' for name in sorted(_names(first) ^ _names(second))
    ]
    return found + absent


def told_shortly(setting: Any) -> str:
    """A value of a setting, on one line."""
    return shown(setting, 60)


def leaves(figures: Any, prefix: str = '', depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every figure with its whole name, as in single_frame.attacks.mean.gain_db.

    A figure is a `Known`, or a short text for what is none. Raises ValueError if they are nested
    too deeply.
    """
    if depth > _MOST_DEPTH:
        raise ValueError(f'nested more than {_MOST_DEPTH} deep')
    if isinstance(figures, Mapping) and set(figures) != _ESTIMATE:
        for key, each in figures.items():
            yield from leaves(each, f'{prefix}.{key}' if prefix else str(key), depth + 1)
    elif isinstance(figures, list) and any(isinstance(each, Mapping | list) for each in figures):
        for number, each in enumerate(figures):
            yield from leaves(each, f'{prefix}.{number}', depth + 1)
    elif isinstance(figures, list):
        yield prefix, shown(', '.join(map(_short, figures)), 300)
    else:
        yield prefix, told.known(figures) or (None if _is_null(figures) else shown(figures, 300))


def _short(each: Any) -> str:
    return f'{each:.4g}' if isinstance(each, float) else shown(each)


def _is_null(figures: Any) -> bool:
    return figures is None or isinstance(figures, Mapping | float)


def _names(audit: Mapping[str, Any]) -> set[str]:
    return {name for name, each in audit.items() if isinstance(each, Mapping)} - set(_APART)


def _sections(audit: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    names = _names(audit)
    for name, each in audit.items():
        if name in names:
            for key, leaf in leaves(each, name):
                parts = key.split('.')
                if not any(part.endswith((*_TIMES, 'command', 'timing')) for part in parts):
                    yield key, leaf


def headline_rows(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Row]:
    """The figures that one looks at first."""
    both = headlines(first), headlines(second)
    return [Row(name, both[0][name], both[1][name]) for name in both[0]]


def table(first: Mapping[str, Any], second: Mapping[str, Any]) -> str:
    """For a terminal: the figures that one looks at first, and how many of all have changed."""
    lines = [f'{"":35}{"A":>16}{"B":>16}{"B minus A":>18}']
    for row in headline_rows(first, second):
        apart = '' if row.difference is None else cell(row.difference, signed=True)
        mark = '*' if row.changed else ' '
        lines.append(f'{mark} {row.name:33}{cell(row.first):>16}{cell(row.second):>16}{apart:>18}')
    return '\n'.join([*lines, count_of(rows(first, second))])


def count_of(found: Sequence[Row]) -> str:
    """How many of some figures have changed, as a sentence."""
    both = [row for row in found if None not in (row.first, row.second)]
    changed, alone = sum(row.changed for row in both), len(found) - len(both)
    known = (
        f'{changed} of {len(both)} figures that both have differ by more than two standard '
        'errors, or at all where there are none.'
    )
    return f'{known} {alone} were measured in one only.' if alone else known


def cell(figure: told.Known | str | None, signed: bool = False) -> str:
    """A figure in a cell."""
    if figure is None:
        return told.UNKNOWN
    if isinstance(figure, str):
        return figure
    sign = '+' if signed and figure.mean else ''
    mean = f'{figure.mean:{sign}.4g}'
    return mean if not figure.error else f'{mean} \u00b1 {figure.error:.2g}'
