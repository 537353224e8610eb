"""Draws curves and bars as SVG that lives inside a page.

It takes the page's colours, by day and by night, and loads nothing.
"""

from __future__ import annotations

import hashlib
import io
import math
import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from pedsam_ros.core.shown import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCHES = 4.6  # width; narrow, so that letters stay readable on a phone
_MOST_SERIES = 8  # of a chart, as many as an edge has workers
_MOST_LETTERS = 28  # of a label
_SHORT = 30  # letters of three labels that fit beside each other
_INK, _FAINT = '#010101', '#020202'  # stand for the page's colours, as the next line says
_COLOURS = {'#010101': '--ink', '#020202': '--line'} | {
    f'#0303{number:02d}': f'--series{number}' for number in range(1, _MOST_SERIES + 1)
}
_MARKERS = 'osD^vPX*'  # they tell series apart without colours, and so do the dashes
_DASHES = (
    *('-', '--', '-.', ':', (0, (6, 2, 1, 2, 1, 2)), (0, (1, 1))),
    *((0, (8, 3)), (0, (4, 1, 1, 1))),
)
_SETTINGS = {
    'svg.fonttype': 'none',
    'font.size': 9.5,
    'axes.edgecolor': _FAINT,
    'axes.labelcolor': _INK,
    'axes.spines.right': False,
    'axes.spines.top': False,
    'text.color': _INK,
    'xtick.color': _INK,
    'ytick.color': _INK,
    'grid.color': _FAINT,
    'grid.linewidth': 0.5,
}


@dataclass(frozen=True, slots=True)
class Series:
    """Values by their places; None where there is none. `errors` are standard errors."""

    name: str
    values: Sequence[float | None]
    errors: Sequence[float | None] = ()


@dataclass(frozen=True, slots=True)
class Chart:
    """What a chart shows. `places` are numbers of a curve's x axis, or the names of bars."""

    title: str
    places: Sequence[float | str]
    series: Sequence[Series]
    unit: str  # label of the axis of values
    across: str = ''  # label of the other axis
    marks: Mapping[str, float] | None = None  # references to compare with, by name
    most: float | None = None  # the end of the axis of values


def curves(chart: Chart) -> str:
    """An SVG element with one curve for each series."""
    return _drawn(chart, _add_curves, 2.9)


def bars(chart: Chart) -> str:
    """An SVG element with one row of bars for each place."""
    rows = len(chart.places) * min(len(chart.series), _MOST_SERIES)
    return _drawn(chart, _add_bars, 1.1 + 0.24 * rows + 0.08 * len(chart.places))


def _drawn(chart: Chart, add: Any, inches: float) -> str:
    import matplotlib
    from matplotlib.figure import Figure

    salt = hashlib.sha256(repr(chart).encode()).hexdigest()[:12]  # names of its parts are its own
    with matplotlib.rc_context({**_SETTINGS, 'svg.hashsalt': salt}), warnings.catch_warnings():
        warnings.simplefilter('ignore')  # of letters that matplotlib's own font lacks
        figure = Figure(figsize=(_INCHES, inches), layout='constrained')
        axes = figure.subplots()
        add(axes, chart)
        _add_legend(axes, chart)
        text = io.StringIO()
        figure.savefig(text, format='svg', transparent=True, metadata={'Date': None})
    return _inline(text.getvalue(), chart.title, salt)


def _add_curves(axes: Axes, chart: Chart) -> None:
    from matplotlib.ticker import MaxNLocator

    for number, each in enumerate(chart.series[:_MOST_SERIES]):
        axes.errorbar(
            [float(place) for place in chart.places],
            _known(each.values),
            yerr=_spread(each),
            label=_label(each.name),
            color=_colour(number),
            linestyle=_DASHES[number],
            marker=_MARKERS[number],
            markersize=4,
            markevery=max(1, len(chart.places) // 8),
            capsize=2,
        )
    for name, value in (chart.marks or {}).items():
        axes.axhline(value, color=_INK, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.annotate(
            _label(name), (1, value), xycoords=('axes fraction', 'data'), ha='right', va='bottom'
        )
    axes.set(xlabel=chart.across, ylabel=chart.unit)
    if axes.get_ylim()[0] >= 0 or chart.most is not None:
        axes.set_ylim(0, None if chart.most is None else 1.04 * chart.most)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.grid(axis='y')


def _add_bars(axes: Axes, chart: Chart) -> None:
    from matplotlib.ticker import MaxNLocator

    series = chart.series[:_MOST_SERIES]
    height = 0.8 / max(1, len(series))
    for number, each in enumerate(series):
        at = [row + (number + 0.5) * height - 0.4 for row in range(len(chart.places))]
        values, spread = _known(each.values), _spread(each)
        axes.barh(at, values, height * 0.86, label=_label(each.name), color=_colour(number))
        axes.errorbar(values, at, xerr=spread, fmt='none', ecolor=_INK, capsize=2, linewidth=0.8)
        for row, value, error in zip(at, values, spread, strict=True):
            known = math.isfinite(value)
            end = max(0.0, value + (error if math.isfinite(error) else 0)) if known else 0.0
            if chart.most is not None:
                end = min(end, chart.most)
            words = _value(value, chart.unit) if known else 'not measured'
            axes.annotate(words, (end, row), (4, 0), textcoords='offset points', va='center')
    for name, mark in (chart.marks or {}).items():
        axes.axvline(mark, color=_INK, linewidth=0.8, linestyle=(0, (1, 2)))
        axes.annotate(
            _label(name), (mark, 1), xycoords=('data', 'axes fraction'), ha='center', va='bottom'
        )
    axes.set_yticks(range(len(chart.places)), [_label(str(place)) for place in chart.places])
    axes.set_ylim(len(chart.places) - 0.45, -0.55)
    axes.set(xlabel=chart.unit, ylabel=chart.across)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.margins(x=0.14)
    axes.tick_params(axis='y', length=0)
    if chart.most is not None:
        axes.set_xlim(0, 1.12 * chart.most)
    axes.grid(axis='x')
    axes.set_axisbelow(True)


def _value(value: float, unit: str) -> str:
    """A gain with its sign, a share with two digits, a level with one."""
    if unit.startswith('gain'):
        return f'{value:+.1f}'.replace('-0.0', '+0.0')
    return f'{value:.1f}' if unit.endswith('dB') else f'{value:.2f}'


def _add_legend(axes: Axes, chart: Chart) -> None:
    if len(chart.series) > 1:
        axes.figure.legend(
            loc='outside upper left',
            ncols=3 if sum(len(each.name) for each in chart.series[:3]) < _SHORT else 2,
            frameon=False,
            handlelength=2.6,
            borderaxespad=0.1,
        )


def _known(values: Sequence[float | None]) -> list[float]:
    return [math.nan if each is None else each for each in values]


def _spread(series: Series) -> list[float]:
    return _known(series.errors) or [math.nan] * len(series.values)


def _colour(number: int) -> str:
    return f'#0303{number + 1:02d}'


def _label(text: str) -> str:
    """A name as matplotlib takes it: without formulas, and short."""
    return shown(text, _MOST_LETTERS).replace('$', r'\$').lstrip('_')


def _inline(svg: str, title: str, salt: str) -> str:
    """The SVG element alone, with a title for those who do not see it."""
    body = svg[svg.index('<svg') :]
    body = re.sub(r'<metadata>.*?</metadata>', '', body, flags=re.DOTALL)
    body = re.sub(r'<defs>\s*<style.*?</style>\s*</defs>', '', body, flags=re.DOTALL)
    box = re.search(r'viewBox="[^"]*"', body)
    inside = body[body.index('>') + 1 : body.rindex('</svg>')]
    inside = re.sub(r'<g id="[^"]*"/>', '', inside)  # of marks of no length
    inside = re.sub(r'<g id="[^"]*">', '<g>', inside)
    inside = re.sub(r' font-family: [^;"]*;?', '', inside).replace('xlink:href', 'href')
    inside = re.sub(r'\s*\n\s*', ' ', inside)
    for hex_colour, name in _COLOURS.items():
        inside = inside.replace(hex_colour, f'var({name})')
    assert box is not None
    return (
        f'<svg class="chart" role="img" aria-labelledby="t{salt}" {box[0]}>'
        f'<title id="t{salt}">{escape(title)}</title>{inside}</svg>'
    )
