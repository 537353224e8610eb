"""The exposure ledger on the disk. Whatever is sent was written there before."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.files import write_synced
from pedsam_ros.core.ledger import Ledger

_FRAMES = 500  # a crash may lose the counts and times of so many frames


def default_path(node: str) -> Path:
    """The file of the node with this fully qualified name, in ROS_HOME (by default ~/.ros)."""
    home = Path(os.environ.get('ROS_HOME', '~/.ros')).expanduser()
    return home / 'pedsam' / f'exposure{node.replace("/", "_")}.json'


class LedgerFile:
    """One edge's ledger. While it is open, no other edge can open it.

    `ledger` is what the file holds, under the homes and the cap of `empty`; without a file it is
    `empty` itself. Raises ConfigError if the file is in use, cannot be read or written, or does
    not hold a ledger of this grid.
    """

    def __init__(self, path: Path, empty: Ledger) -> None:
        self.path, self.ledger = path, empty
        try:
            self._open()
        except (OSError, RuntimeError, ValueError) as error:  # ValueError: no name; Runtime: no ~
            raise ConfigError(f'ledger_file={str(path)!r}: {error}') from None
        self._changes, self._frames = self.ledger.changes, self._counted()

    def keep(self) -> None:
        """Writes the ledger if a change must be on the disk before anything is sent, and once in
        a while to save counts and times. Raises OSError if such a change cannot be written."""
        frames = self._counted()
        if self.ledger.changes != self._changes:
            self.write()
        elif frames - self._frames >= _FRAMES:
            self._frames = frames
            with suppress(OSError):  # only counts and times; the next try comes later
                self.write()

    def write(self) -> None:
        """Writes the ledger. It is on the disk when this returns, and no crash leaves half a file
        under its name. Raises OSError."""
        changes, frames = self.ledger.changes, self._counted()
        write_synced(self.path, self.ledger.to_json())
        self._changes, self._frames = changes, frames

    def close(self) -> None:
        """Lets another edge open the file."""
        self._lock.close()

    def _open(self) -> None:
        """Makes the folder if it is not there, and keeps other edges out."""
        self.path = self.path.expanduser().resolve()
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = self.path.with_name(self.path.name + '.lock').open('w')
        try:
            self._take_over()
        except BaseException:
            self._lock.close()
            raise

    def _take_over(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f'ledger_file={str(self.path)!r}: another edge uses it') from None
        self.new = not self.path.exists()
        if self.new:
            self.write()
            return
        homes, max_share, grid = self.ledger.homes, self.ledger.max_share, self.ledger.grid
        try:
            text = self.path.read_text()
            self.ledger = Ledger.from_json(text, homes, max_share, grid)
        except (ConfigError, UnicodeDecodeError) as error:
            raise ConfigError(
                f'ledger_file={str(self.path)!r}: {error}; mend it, or remove it if the workers '
                'have forgotten what they saw'
            ) from None

    def _counted(self) -> int:
        return sum(seen.frames for seen in self.ledger.workers.values())
