"""How a figure of audit.json is read and told: what is unknown is never told as 0."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

UNKNOWN = 'not measured'
_MOST_DIGITS = 10  # of a count; whoever wrote the file chose it


@dataclass(frozen=True, slots=True)
class Known:
    """A figure, with its standard error and the number of samples where it is a mean of some."""

    mean: float
    error: float | None = None
    count: int | None = None


def at(figures: Any, *path: str) -> Any:
    """What lies under these names; None if one of them is missing."""
    for name in path:
        if not isinstance(figures, Mapping) or name not in figures:
            return None
        figures = figures[name]
    return figures


def inner(figures: Any, *path: str) -> Mapping[str, Any]:
    """The figures under these names; empty if there are none."""
    found = at(figures, *path)
    return found if isinstance(found, Mapping) else {}


def groups(figures: Any, *path: str) -> dict[str, Mapping[str, Any]]:
    """Those of them that are groups of figures themselves: none that is null."""
    found = inner(figures, *path).items()
    return {name: each for name, each in found if isinstance(each, Mapping) and each}


def counted(figures: Any, *path: str) -> dict[str, Mapping[str, Any]]:
    """Those of them whose names are whole numbers, such as one for each number of workers."""
    found = groups(figures, *path).items()
    return {name: each for name, each in found if is_count(name)}


def is_count(name: str) -> bool:
    """Whether a name is a whole number of a usual size."""
    return name.isascii() and name.isdigit() and len(name) < _MOST_DIGITS


def known(figures: Any, *path: str) -> Known | None:
    """A number under these names, or what `Estimate.figures` makes. None if unknown."""
    found = at(figures, *path)
    if isinstance(found, Mapping):
        mean, error, count = (
            _number(found.get(key)) for key in ('mean', 'standard_error', 'count')
        )
        return None if mean is None else Known(mean, error, None if count is None else int(count))
    mean = _number(found)
    return None if mean is None else Known(mean)


def value(figures: Any, *path: str) -> float | None:
    """The same without its error."""
    found = known(figures, *path)
    return None if found is None else found.mean


def error(figures: Any, *path: str) -> float | None:
    """The standard error alone."""
    found = known(figures, *path)
    return None if found is None else found.error


def share(figure: Known | float | None) -> str:
    """A share 0..1 as percent, with its error."""
    return _told(figure, 100, 0, ' %', signed=False)


def gain(figure: Known | float | None) -> str:
    """A difference in dB, with its sign and its error."""
    return _told(figure, 1, 1, ' dB', signed=True)


def db(figure: Known | float | None) -> str:
    """A level in dB, with its error."""
    return _told(figure, 1, 1, ' dB', signed=False)


def number(figure: Known | float | None, digits: int = 2) -> str:
    """A bare number, with its error."""
    return _told(figure, 1, digits, '', signed=False)


def bits(figure: Known | float | None) -> str:
    """An amount of information."""
    return _told(figure, 1, 2, ' bits', signed=False)


def time(seconds: Known | float | None) -> str:
    """A time in the unit that suits it."""
    found = _as_known(seconds)
    if found is None:
        return UNKNOWN
    for unit, size in (('h', 3600.0), ('min', 60.0), ('s', 1.0)):
        if found.mean >= 2 * size:
            return f'{found.mean / size:.1f} {unit}'
    return f'{found.mean:.2g} s'


def mean_only(figure: Known | float | None) -> float | None:
    """The same figure without its error, to be told shortly."""
    found = _as_known(figure)
    return None if found is None else found.mean


def _told(figure: Known | float | None, scale: float, digits: int, unit: str, signed: bool) -> str:
    found = _as_known(figure)
    if found is None:
        return UNKNOWN
    digits += 0 < (found.error or 0.0) * scale * 10**digits < 1
    mean = f'{found.mean * scale:{"+" if signed else ""}.{digits}f}'
    if found.error is None:
        return f'{mean}{unit}'
    around = f'{found.error * scale:.{digits}f}'
    return f'{mean} \u00b1 {around}{unit}' if float(around) else f'{mean}{unit}'


def _as_known(figure: Known | float | None) -> Known | None:
    if isinstance(figure, Known):
        return figure
    mean = _number(figure)
    return None if mean is None else Known(mean)


def _number(found: Any) -> float | None:
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    if isinstance(found, int) and found.bit_length() > 64:
        return None
    return float(found) if math.isfinite(found) else None
