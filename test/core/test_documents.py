"""What the documents point to is there: linked files and headings, named files and commands."""

import re
from pathlib import Path

import pytest

from pedsam_ros.tools.cli import COMMANDS

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / 'src' / 'pedsam_ros'
DOCUMENTS = [*sorted(ROOT.glob('*.md')), *sorted((ROOT / 'docs').glob('*.md'))]
FOLDERS = {'config', 'docs', 'launch', 'msg', 'requirements', 'scripts', 'src', 'srv', 'test'}
ROOMS = {path.parent.name for path in SOURCE.glob('*/__init__.py')}
NOT_COMMANDS = {'cli', 'figures'}  # beside the commands in tools/


def prose(document: Path) -> str:
    """The text of a document without its blocks of code."""
    return re.sub(r'^```.*?^```', '', document.read_text(), flags=re.MULTILINE | re.DOTALL)


def links(document: Path) -> list[str]:
    """The targets of its links and pictures that lie in the repository."""
    found = re.findall(r'\]\(([^)\s]+)\)', prose(document))
    return [target for target in found if '://' not in target]


def anchors(document: Path) -> set[str]:
    """The names under which its headings can be linked to, made as GitHub makes them."""
    headings = re.findall(r'^#+ (.+)$', prose(document), re.MULTILINE)
    kept = (re.sub(r'[^\w\- ]', '', heading.lower()) for heading in headings)
    return {heading.replace(' ', '-') for heading in kept}


def named_files(text: str) -> set[str]:
    """Files of the repository that a text names in backticks: `core/edge.py`, `test/rig.py`."""
    found = re.findall(r'`([\w*.-]+(?:/[\w*.-]+)*/[\w*-]+\.[a-z]+)`', text)
    return {name for name in found if name.split('/')[0] in FOLDERS | ROOMS}


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document):
    """To a file that is there and, after a #, to one of its headings."""
    for target in links(document):
        name, _, heading = target.partition('#')
        file = (document.parent / name).resolve() if name else document
        assert file.exists(), target
        assert not heading or heading in anchors(file), target


@pytest.mark.parametrize('document', DOCUMENTS, ids=lambda path: path.name)
def test_named_files_exist(document):
    """In the repository or, as in `core/edge.py`, in the package."""
    for name in named_files(prose(document)):
        assert [*ROOT.glob(name), *SOURCE.glob(name)], name


def test_documents_that_the_code_names_exist():
    """A message that sends people to a page must not send them nowhere."""
    for path in SOURCE.rglob('*.py'):
        for name in re.findall(r'\bdocs/[\w-]+\.md', path.read_text()):
            assert (ROOT / name).is_file(), f'{path}: {name}'


def test_every_command_has_its_row_and_every_row_its_command():
    """docs/commands.md lists what `pedsam` can do."""
    rows = re.findall(
        r'^\| `pedsam ([a-z0-9-]+)` \|', prose(ROOT / 'docs/commands.md'), re.MULTILINE
    )
    tools = {path.stem.replace('_', '-') for path in (SOURCE / 'tools').glob('[a-z]*.py')}
    assert sorted(rows) == sorted(tools - NOT_COMMANDS) == sorted(COMMANDS)
