"""Settings of the documentation site; `make docs` builds it into build/docs."""

import re
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx

ROOT = Path(__file__).resolve().parents[1]
ROOT_PAGES = {'contributing': 'CONTRIBUTING.md', 'security': 'SECURITY.md'}

project = 'pedsam_ros'
author = 'the pedsam_ros maintainers'
copyright = f'{author}, Apache-2.0'

extensions = ['myst_parser', 'sphinx.ext.autodoc', 'sphinx.ext.autosummary']
templates_path = ['_templates']
root_doc = 'index'
default_role = 'code'  # docstrings put names in single backticks

# Markdown pages: headings can be linked to, as on GitHub.
myst_heading_anchors = 3

# One page for each module, found by recursion from the rooms that api.md names.
autosummary_generate = True
autodoc_default_options = {'members': True, 'undoc-members': True, 'member-order': 'bysource'}
autodoc_typehints_format = 'short'
autodoc_preserve_defaults = True
autodoc_mock_imports = [  # the first two exist only once colcon has run, the others only on robots
    'pedsam_ros.msg',
    'pedsam_ros.srv',
    'launch',
    'launch_ros',
]
add_module_names = False
python_maximum_signature_line_length = 88

html_theme = 'furo'
html_title = 'pedsam_ros'
html_show_sourcelink = False


def _bring_in_root_pages(_app: Sphinx, page: str, source: list[str]) -> None:
    """Fills the pages that stand for files outside docs/, and points links to those files here."""
    if page in ROOT_PAGES:
        source[0] = (ROOT / ROOT_PAGES[page]).read_text().replace('](docs/', '](')
    for name, file in ROOT_PAGES.items():
        source[0] = re.sub(rf'\]\((\.\./)?{file}', f']({name}.md', source[0])


def _as_plain_text(*event: Any) -> None:
    """Shows docstrings as they are written: an indented block keeps its lines, a star is a star.

    Pairs of stars around a word still mean emphasis.
    """
    lines: list[str] = event[-1]
    shown: list[str] = []
    in_block = False
    for line in lines:
        if line.startswith('    ') and not in_block:
            in_block = True
            marked = next(filter(None, reversed(shown)), '').endswith('::')
            shown += [''] if marked else ['', '::', '']
        elif line.strip() and not line.startswith('    ') and in_block:
            in_block = False
            shown.append('')
        shown.append(line if in_block else _with_plain_stars(line))
    lines[:] = shown


def _with_plain_stars(line: str) -> str:
    """The line with its stars escaped, but for those in backticks and those around words."""
    parts = re.split(r'(`[^`]*`)', line)
    return ''.join(
        part if part.startswith('`') else re.sub(r'(?<!\w)\*(?!\w)', r'\\*', part)
        for part in parts
    )


def setup(app: Sphinx) -> None:
    """Sphinx calls this."""
    app.connect('source-read', _bring_in_root_pages)
    app.connect('autodoc-process-docstring', _as_plain_text)
