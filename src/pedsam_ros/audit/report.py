"""Writes an audit, or two side by side, as one page of HTML that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pedsam_ros.audit import compare, story, told
from pedsam_ros.audit.blocks import Chapter, Points, Table, photos
from pedsam_ros.audit.chapters import chapters
from pedsam_ros.audit.page import rendered
from pedsam_ros.audit.section import Exhibit
from pedsam_ros.audit.verdict import verdict_of
from pedsam_ros.core.files import replacing
from pedsam_ros.core.shown import shown

_MOST_ROWS = 2000  # of a table of all figures


def write(
    path: Path, figures: Mapping[str, Any], exhibits: Mapping[str, Sequence[Exhibit]]
) -> None:
    """Writes the page of an audit: its figures, and the pictures of its sections.

    Raises OSError.
    """
    _write(path, page_of(figures, exhibits))


def page_of(figures: Mapping[str, Any], exhibits: Mapping[str, Sequence[Exhibit]]) -> str:
    """The page as text. What is missing from the figures is told as not measured."""
    return rendered(
        'audit',
        chapters(figures, photos(exhibits)),
        title='Privacy audit: what workers learn',
        under=_under(figures),
        story=story.lines(figures),
        verdict=verdict_of(figures),
        listed=_listed(figures),
    )


def write_comparison(path: Path, files: Sequence[Path], audits: Sequence[Any]) -> None:
    """Writes the page of two audits. Raises OSError."""
    first, second = audits
    head = ('figure', 'A', 'B', 'B minus A')
    found = compare.rows(first, second)
    by_section: dict[str, list[compare.Row]] = {}
    for row in found:
        by_section.setdefault(row.name.partition('.')[0], []).append(row)
    settings = compare.setting_rows(first, second)
    warnings = compare.warnings(first, second) or ['Model, seed and images are the same.']
    parts = [
        Chapter('What is compared', 'settings', (), (Points(warnings), _table(settings, head))),
        *(_compared(name, rows, head) for name, rows in by_section.items()),
    ]
    names = [shown(file, 300) for file in files]
    changed = sum(row.changed for row in found)
    page = rendered(
        'compare',
        parts,
        title='Two privacy audits side by side',
        under=f'A is {names[0]}, B is {names[1]}.',
        summary=f'{changed} of {len(found)} figures differ by more than chance.',
    )
    _write(path, page)


def _compared(name: str, rows: Sequence[compare.Row], head: Sequence[str]) -> Chapter:
    changed = sum(row.changed for row in rows)
    words = f'{changed} of {len(rows)} figures differ by more than chance; they stand in bold.'
    return Chapter(name.replace('_', ' '), name, (words,), (_table(rows[:_MOST_ROWS], head),))


def _table(rows: Sequence[compare.Row], head: Sequence[str]) -> Table:
    cells = [
        (
            row.name,
            compare.cell(row.first),
            compare.cell(row.second),
            '' if row.difference is None else compare.cell(row.difference, signed=True),
        )
        for row in rows
    ]
    marked = frozenset(number for number, row in enumerate(rows) if row.changed)
    caption = 'Means with their standard errors. More than chance: over two standard errors.'
    return Table(caption, head, cells, marked)


def _under(figures: Mapping[str, Any]) -> str:
    """What was attacked, on one line."""
    settings = told.inner(figures, 'settings')
    counts = [
        f'{told.number(told.value(settings, name), 0)} {name}' for name in ('workers', 'images')
    ]
    texts = [shown(settings.get(name) or told.UNKNOWN) for name in ('architecture', 'model_id')]
    minutes = told.number(told.value(figures, 'minutes'), 1)
    parts = [*counts, f'model {" ".join(texts)}', f'{minutes} minutes']
    return ' \u00b7 '.join(parts)


def _listed(figures: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Every figure under its name, by section."""
    found = {}
    for name, each in figures.items():
        if isinstance(each, Mapping):
            rows = [(key, compare.cell(value)) for key, value in compare.leaves(each)]
            found[name] = rows[:_MOST_ROWS]
    return found


def _write(path: Path, page: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        partial.write_text(page, encoding='utf-8')
