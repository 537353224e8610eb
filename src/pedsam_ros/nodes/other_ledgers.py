"""Ledgers and scenes of other edges beside one's own.

A worker that stands in two of them may see more than either tells: two cameras show it two views
of one world.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from pedsam_ros.core import exposure_record, private_files
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.exposure_record import BY_NAME
from pedsam_ros.nodes import scene_file

_MOST_FILES = 64  # that are looked at


def also_seen(own: Path, keys: Collection[str]) -> Iterator[tuple[str, Path]]:
    """Yields each of these keys that another ledger in the same folder has, or the scene beside
    it, and that ledger.

    Names are no keys: the workers of two robots may have the same.
    """
    others = (path for path in sorted(own.parent.glob('*.json')) if path != own)
    for path in islice(others, _MOST_FILES):
        for identity in _seen(path) & set(keys):
            if not identity.startswith(BY_NAME):
                yield identity, path


def _seen(path: Path) -> set[str]:
    """Who was shown anything, or may be; nobody if that cannot be read."""
    found: set[str] = set()
    with suppress(ConfigError, ValueError):
        text = private_files.read(path, exposure_record.MOST_BYTES).decode()
        found |= set(exposure_record.read(text).seen)
    with suppress(ConfigError):
        found |= set(scene_file.read(scene_file.beside(path)).lattice)
    return found
