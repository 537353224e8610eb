"""An audit on a terminal, in fewer than 25 lines."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from typing import Any

from pedsam_ros.audit import story, told
from pedsam_ros.audit.verdict import verdict_of

_WIDTH = 100
_BIG = 14  # characters


def text_of(figures: Mapping[str, Any]) -> str:
    """The five lines of the story, and the verdict."""
    told_lines = [_line(each) for each in story.lines(figures)]
    verdict = verdict_of(figures)
    last = textwrap.fill(f'{verdict.title} {verdict.text}', _WIDTH)
    minutes = told.number(told.value(figures, 'minutes'), 1)
    return '\n'.join([*told_lines, last, f'{minutes} minutes'])


def _line(line: story.Line) -> str:
    indent = ' ' * _BIG
    return textwrap.fill(
        f'{line.big:<{_BIG}}{line.about} {line.text}', _WIDTH, subsequent_indent=indent
    )
