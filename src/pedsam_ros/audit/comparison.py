"""Writes two audits side by side, as one page of HTML that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pedsam_ros.audit import compare, told
from pedsam_ros.audit.blocks import Block, Chapter, Points, Table, bars, curves
from pedsam_ros.audit.charts import Chart, Series
from pedsam_ros.audit.headlines import frames_of
from pedsam_ros.audit.page import rendered, write_page
from pedsam_ros.audit.verdict import own_workers
from pedsam_ros.core.shown import shown

_HEAD = ('figure', 'A', 'B', 'B minus A')
_SAMPLES = (
    'Means with their standard errors. In bold: they differ by more than two of them. The errors '
    'take the audits as independent: with equal images a difference is surer than that. Of many '
    'figures, some differ by chance.'
)
_MOST_ROWS = 2000  # of a table
_NAMES = ('A', 'B')


def write(path: Path, files: Sequence[Path], audits: Sequence[Mapping[str, Any]]) -> None:
    """Writes the page of two audits, which came from `files`. Raises OSError."""
    write_page(path, page_of(files, audits))


def page_of(files: Sequence[Path], audits: Sequence[Mapping[str, Any]]) -> str:
    """The page as text."""
    found, by_section = compare.rows(*audits), dict[str, list[compare.Row]]()
    for row in found:
        by_section.setdefault(row.name.partition('.')[0], []).append(row)
    warnings = compare.warnings(*audits) or ['Model, seed and images are the same.']
    settings = _table(compare.setting_rows(*audits), 'Settings; those in bold differ.')
    chapters = [
        Chapter('Side by side', 'first', (), _first(audits)),
        Chapter('What is compared', 'settings', (), (Points(warnings), settings)),
        *(_section(n, *each) for n, each in enumerate(by_section.items())),
    ]
    same = {
        name: _cells([row for row in rows if not row.changed]) for name, rows in by_section.items()
    }
    names = [shown(file, 300) for file in files]
    return rendered(
        'compare',
        chapters,
        title='Two privacy audits side by side',
        under=f'A is {names[0]}, B is {names[1]}.',
        summary=compare.count_of(found),
        same=same,
    )


def _first(audits: Sequence[Mapping[str, Any]]) -> list[Block]:
    """The figures that one looks at first, and two drawings of both."""
    blocks: list[Block] = [_table(compare.headline_rows(*audits), _SAMPLES)]
    coverage = [told.inner(each, 'over_time', 'coverage', 'true') for each in audits]
    if frames := frames_of({**coverage[0], **coverage[1]}):
        places = [float(each) for each in frames]
        both = _both(coverage, [(each,) for each in frames])
        chart = Chart('Coverage', places, both, 'share of the view', 'earlier frames', most=1)
        blocks.append(curves(chart, 'Share of a moving view that one worker has been sent.'))
    attacks = [
        told.inner(each, 'single_frame', 'workers', own_workers(each), 'attacks')
        for each in audits
    ]
    if names := list({**attacks[0], **attacks[1]}):
        both = _both(attacks, [(name, 'gain_db') for name in names])
        words = [name.replace('_', ' ') for name in names]
        chart = Chart('Attacks', words, both, 'gain over a flat colour, dB')
        blocks.append(bars(chart, 'How well attacks guess the unseen part of one frame.'))
    return blocks


def _both(parts: Sequence[Mapping[str, Any]], paths: Sequence[tuple[str, ...]]) -> list[Series]:
    return [
        Series(
            name,
            [told.value(part, *path) for path in paths],
            [told.error(part, *path) for path in paths],
        )
        for name, part in zip(_NAMES, parts, strict=True)
    ]


def _section(number: int, name: str, rows: Sequence[compare.Row]) -> Chapter:
    changed = [row for row in rows if row.changed]
    blocks = [_table(changed, _SAMPLES)] if changed else []
    return Chapter(name.replace('_', ' '), f'section{number}', (compare.count_of(rows),), blocks)


def _table(rows: Sequence[compare.Row], caption: str) -> Table:
    marked = frozenset(number for number, row in enumerate(rows) if row.changed)
    return Table(caption, _HEAD, _cells(rows), marked)


def _cells(rows: Sequence[compare.Row]) -> list[tuple[str, ...]]:
    return [
        (
            row.name,
            compare.cell(row.first),
            compare.cell(row.second),
            '' if row.difference is None else compare.cell(row.difference, signed=True),
        )
        for row in rows[:_MOST_ROWS]
    ]
