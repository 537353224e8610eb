"""Writes an audit as one page of HTML that needs no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pedsam_ros.audit import compare, story, told
from pedsam_ros.audit.blocks import photos
from pedsam_ros.audit.chapters import chapters
from pedsam_ros.audit.page import rendered, write_page
from pedsam_ros.audit.section import Exhibit
from pedsam_ros.audit.verdict import verdict_of
from pedsam_ros.core.shown import shown

_MOST_ROWS = 2000  # of a table of all figures


def write(
    path: Path, figures: Mapping[str, Any], exhibits: Mapping[str, Sequence[Exhibit]]
) -> None:
    """Writes the page of an audit: its figures, and the pictures of its sections.

    Raises OSError.
    """
    write_page(path, page_of(figures, exhibits))


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


def _under(figures: Mapping[str, Any]) -> str:
    """What was attacked, on one line."""
    settings = told.inner(figures, 'settings')
    counts = [
        f'{told.number(told.value(settings, name), 0)} {name}' for name in ('workers', 'images')
    ]
    texts = [shown(settings.get(name) or told.UNKNOWN) for name in ('architecture', 'model_id')]
    minutes = told.number(told.value(figures, 'minutes'), 1)
    anchor = shown(told.at(settings, 'placement', 'anchor') or told.UNKNOWN)
    parts = [*counts, f'windows fixed to: {anchor}', f'model {" ".join(texts)}']
    parts.append(f'{minutes} minutes')
    return ' \u00b7 '.join(parts)


def _listed(figures: Mapping[str, Any]) -> dict[str, list[tuple[str, str]]]:
    """Every figure under its name, by section."""
    found = {}
    for name, each in figures.items():
        if isinstance(each, Mapping):
            rows = [(key, compare.cell(value)) for key, value in compare.leaves(each)]
            found[name] = rows[:_MOST_ROWS]
    return found
