"""Finds and reads the files of an extracted package, also those inside its archives.

The path 'a/b.zip!/c.png' means the file c.png in the archive a/b.zip.
"""

from __future__ import annotations

import functools
import zipfile
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pedsam_ros.assets.rcc import RccFile
from pedsam_ros.core.errors import BadImage, ConfigError

INSIDE = '!/'  # separates an archive from the path within it


class Tree:
    """The files of a package below `root`. Raises ConfigError if that folder does not exist."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            raise ConfigError(f'{root}: no such folder; extract the package there')
        self._root = root

    def matching(self, wanted: Sequence[str], unwanted: Sequence[str] = ()) -> list[str]:
        """The sorted paths that match a wanted glob ('*' also crosses '/') and no unwanted one.

        Raises ConfigError if a wanted glob matches nothing: then this is another version of the
        package than the configuration was written for.
        """
        found: set[str] = set()
        for glob in wanted:
            names = [name for name in self._names(glob) if fnmatchcase(name, glob)]
            if not names:
                raise ConfigError(f'{self._root}: nothing matches {glob!r}')
            found.update(names)
        return sorted(n for n in found if not any(fnmatchcase(n, glob) for glob in unwanted))

    def has(self, path: str) -> bool:
        """Whether the package has this file."""
        return path in self._names(path)

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises ConfigError if it cannot be read."""
        try:
            if INSIDE in path:
                archive, inner = path.split(INSIDE, 1)
                return _archive(self._root / archive).read(inner)
            return (self._root / path).read_bytes()
        except (OSError, KeyError) as error:
            raise ConfigError(f'{self._root}: {path}: {error}') from error

    def image(self, path: str) -> NDArray[np.uint8]:
        """(H, W) grey, (H, W, 3) BGR or (H, W, 4) BGRA, uint8.

        Raises BadImage if OpenCV cannot read the file, ConfigError if it does not exist.
        """
        image = cv2.imdecode(np.frombuffer(self.read(path), np.uint8), cv2.IMREAD_UNCHANGED)
        if image is None:
            raise BadImage(f'{self._root}: {path}: no image that OpenCV reads')
        eight_bit = image if image.dtype == np.uint8 else image // 257  # 16 bits: 65535 -> 255
        return np.asarray(eight_bit, np.uint8)

    def _names(self, glob: str) -> Sequence[str]:
        if INSIDE in glob:
            archive = glob.split(INSIDE, 1)[0]
            return [archive + INSIDE + name for name in _archive(self._root / archive).namelist()]
        return _listing(self._root)


@functools.lru_cache(maxsize=8)
def _listing(root: Path) -> tuple[str, ...]:
    return tuple(p.relative_to(root).as_posix() for p in root.rglob('*') if p.is_file())


@functools.lru_cache(maxsize=8)
def _archive(file: Path) -> zipfile.ZipFile | RccFile:
    try:
        return RccFile(file) if file.suffix == '.rcc' else zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile) as error:
        raise ConfigError(f'{file}: {error}') from error
