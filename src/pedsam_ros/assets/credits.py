"""Finds the licence and the holders of a file in a package's debian/copyright (DEP-5 format)."""

from __future__ import annotations

import posixpath
from dataclasses import dataclass
from fnmatch import fnmatchcase

from debian.copyright import Copyright, FilesParagraph, NotMachineReadableError

from pedsam_ros.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Credit:
    """One `Files` paragraph: the globs of the files it covers, its licence and its holders."""

    globs: tuple[str, ...]
    licence: str
    holders: str


def read_credits(text: str) -> list[Credit]:
    """The `Files` paragraphs of a copyright file, in the file's order.

    Paragraphs without a licence or a copyright line are left out; other small flaws are tolerated.
    Raises ConfigError if the text is not in the DEP-5 format.
    """
    try:
        paragraphs = Copyright(text.splitlines(keepends=True), strict=False).all_files_paragraphs()
        return [_credit(each) for each in paragraphs if each.license and each.copyright]
    except NotMachineReadableError as error:
        raise ConfigError(f'the copyright file is not in the DEP-5 format: {error}') from error


def credit_of(path: str, paragraphs: list[Credit]) -> Credit | None:
    """The last paragraph with a glob that fits the end of the path, or else the file's name.

    Returns None if only the paragraph for all files ('*') fits. Suffixes count only where a glob
    has a wildcard in its last part: packages convert pictures (jpg to webp) without renaming them.
    """
    by_path = [each for each in paragraphs if any(_fits(path, glob) for glob in each.globs)]
    if by_path:
        return by_path[-1]
    name = posixpath.basename(path)
    by_name = [each for each in paragraphs if name in map(posixpath.basename, each.globs)]
    return by_name[-1] if by_name else None


def credit_of_everything(paragraphs: list[Credit]) -> Credit:
    """The paragraph 'Files: *'. Raises ConfigError if the file has no such paragraph."""
    for each in paragraphs:
        if '*' in each.globs:
            return each
    raise ConfigError("the copyright file has no paragraph 'Files: *'")


def _credit(paragraph: FilesParagraph) -> Credit:
    """The paragraph without the globs of Debian's own packaging files."""
    globs = tuple(glob for glob in paragraph['Files'].split() if not glob.startswith('debian'))
    licence = paragraph['License'].split('\n')[0].strip()
    return Credit(globs, licence, ' '.join(paragraph['Copyright'].split()))


def _fits(path: str, glob: str) -> bool:
    if glob == '*':
        return False
    if '*' not in posixpath.basename(glob):
        path, glob = posixpath.splitext(path)[0], posixpath.splitext(glob)[0]
    return fnmatchcase('/' + path, '*/' + glob)
