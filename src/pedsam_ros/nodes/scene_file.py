"""What was seen of the scene, on the disk. Whatever is sent was written there before."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from pedsam_ros.core import private_files, scene_record
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.scene import Scene
from pedsam_ros.core.scene_record import MOST_BYTES, SceneRecord

_MOST_ADDED = 2**20  # bytes; then the file begins anew
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC


def beside(ledger: Path) -> Path:
    """Where the scene of an edge lies whose ledger is this file."""
    return ledger.with_name(ledger.name + '.scene')


def read(path: Path) -> SceneRecord:
    """What a file holds; an empty record if there is none. Raises ConfigError."""
    if not os.path.lexists(path):
        return SceneRecord()
    try:
        return scene_record.read(private_files.read(path, MOST_BYTES))
    except ConfigError as error:
        raise ConfigError(
            f'{path}: {error}; mend it, or remove it and the ledger beside it if the workers have '
            'forgotten what they saw'
        ) from None


class SceneFile:
    """The file of one scene, which holds all of it and grows. Whoever keeps other edges from the
    ledger keeps them from this file as well. Raises OSError if it cannot be written."""

    def __init__(self, path: Path, scene: Scene) -> None:
        self.path, self.scene = path, scene
        self._descriptor: int | None = None
        self._added = 0
        self.write()

    def keep(self) -> None:
        """Writes what must be on the disk before anything is sent. Raises OSError; the next call
        writes everything then."""
        more = self.scene.unsaved
        if self._descriptor is None or self._added + len(more) > _MOST_ADDED:
            self.write()
            return
        try:
            _append(self._descriptor, more)
        except OSError:
            self.close()  # half of it may be there
            raise
        self._added += len(more)
        more.clear()

    def write(self) -> None:
        """Writes all of the scene. It is on the disk when this returns, and no crash leaves half a
        file under its name. Raises OSError."""
        self.close()  # what is not open, `keep` writes anew
        content = self.scene.to_bytes()
        if len(content) > MOST_BYTES:
            raise OSError(errno.EFBIG, f'the scene has {len(content)} bytes, above {MOST_BYTES}')
        private_files.replace(self.path, content)
        self._descriptor, self._added = os.open(self.path, _APPEND), 0

    def close(self) -> None:
        """Closes the file; `keep` opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _append(descriptor: int, content: bytearray) -> None:
    if not content:
        return
    left = bytes(content)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fdatasync(descriptor)
