"""The exposure ledger on disk: what it holds was written before any of it was sent."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.files import write_synced
from pedsam_ros.core.ledger import Ledger

_FRAMES = 500  # how many frames' counts and times a crash may lose


def default_path(node: str) -> Path:
    """Of a node with this fully qualified name: in ROS_HOME, ~/.ros by default."""
    home = Path(os.environ.get('ROS_HOME', '~/.ros')).expanduser()
    return home / 'pedsam' / f'exposure{node.replace("/", "_")}.json'


class LedgerFile:
    """One edge's ledger. While it is open no other edge can open it.

    Raises ConfigError if the file is in use, or holds something else than this ledger.
    """

    def __init__(self, path: Path, ledger: Ledger) -> None:
        path = path.expanduser().resolve()
        self.path, self._ledger = path, ledger
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = path.with_name(path.name + '.lock').open('w')
        try:
            self._take_over()
        except BaseException:
            self._lock.close()
            raise
        self._changes, self._frames = ledger.changes, self._counted()

    def keep(self) -> None:
        """Writes the ledger if it must be on disk before anything is sent, or now and then.

        Never leaves half a file under its name. Raises OSError.
        """
        frames = self._counted()
        if self._ledger.changes != self._changes:
            self.write()
        elif frames - self._frames >= _FRAMES:
            self._frames = frames
            with suppress(OSError):  # counts and times only; tried again later
                self.write()

    def write(self) -> None:
        """Writes the ledger; it is on the disk when this returns. Raises OSError."""
        changes, frames = self._ledger.changes, self._counted()
        write_synced(self.path, self._ledger.to_json())
        self._changes, self._frames = changes, frames

    def close(self) -> None:
        """Lets another edge have it."""
        self._lock.close()

    def _take_over(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f'ledger_file={str(self.path)!r}: another edge uses it') from None
        self.new = not self.path.exists()
        if self.new:
            return self.write()
        try:
            return self._ledger.read_json(self.path.read_text())
        except (ConfigError, UnicodeDecodeError) as error:
            raise ConfigError(
                f'ledger_file={str(self.path)!r}: {error}; mend it, or remove it if the workers '
                'have forgotten what they saw'
            ) from None

    def _counted(self) -> int:
        return sum(seen.frames for seen in self._ledger.workers.values())
