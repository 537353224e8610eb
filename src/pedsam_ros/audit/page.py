"""Makes a page of chapters: one file of HTML that loads nothing, with all foreign text escaped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pedsam_ros.audit.blocks import Chapter, numbered
from pedsam_ros.core.files import replacing

_PAGES = Path(__file__).parent / 'pages'


def rendered(template: str, chapters: Sequence[Chapter], **words: Any) -> str:
    """The page `pages/TEMPLATE.html` with these chapters and `words`."""
    environment = Environment(
        loader=FileSystemLoader(_PAGES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template(f'{template}.html')
    return page.render(chapters=chapters, blocks=numbered(chapters), **words)


def write_page(path: Path, page: str) -> None:
    """Writes a page as a whole or not at all. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as partial:
        partial.write_text(page, encoding='utf-8')
