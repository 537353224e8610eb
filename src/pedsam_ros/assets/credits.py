"""Who made a file and under which licence, as a package's debian/copyright says (DEP-5 format)."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from pedsam_ros.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Credit:
    """One paragraph: the globs of the files it is for and its two fields, verbatim."""

    globs: tuple[str, ...]
    licence: str
    holders: str


def read_credits(text: str) -> list[Credit]:
    """The file paragraphs of a copyright file, in their order."""
    found = []
    for paragraph in text.split('\n\n'):
        fields = dict(_fields(paragraph))
        if {'Files', 'License', 'Copyright'} <= fields.keys():
            globs = tuple(
                glob for glob in fields['Files'].split() if not glob.startswith('debian')
            )
            licence = fields['License'].split('\n')[0].strip()
            found.append(Credit(globs, licence, ' '.join(fields['Copyright'].split())))
    return found


def credit_of(path: str, paragraphs: list[Credit]) -> Credit | None:
    """The last paragraph with a glob that fits the end of the path, or else the file's name.

    None: only the paragraph for everything fits. Suffixes are not compared where a glob names one
    file: packages convert (jpg to webp)."""
    by_path = [each for each in paragraphs if any(_fits(path, glob) for glob in each.globs)]
    if by_path:
        return by_path[-1]
    whole = {posixpath.basename(path)}
    by_name = [each for each in paragraphs if whole & set(map(posixpath.basename, each.globs))]
    return by_name[-1] if by_name else None


def credit_of_everything(paragraphs: list[Credit]) -> Credit:
    """The paragraph 'Files: *'. Raises ConfigError if there is none."""
    for each in paragraphs:
        if '*' in each.globs:
            return each
    raise ConfigError("the copyright file has no paragraph 'Files: *'")


def _fits(path: str, glob: str) -> bool:
    if glob == '*':
        return False
    if '*' not in posixpath.basename(glob):
        path, glob = posixpath.splitext(path)[0], posixpath.splitext(glob)[0]
    return fnmatchcase('/' + path, '*/' + glob)


def _fields(paragraph: str) -> Iterator[tuple[str, str]]:
    name, lines = '', list[str]()
    for line in [*paragraph.splitlines(), 'End:']:
        if line[:1] in (' ', '\t'):
            lines.append(line)
            continue
        if name:
            yield name, '\n'.join(lines)
        name, _, rest = line.partition(':')
        lines = [rest]
