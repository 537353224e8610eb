"""The exposure ledger on the disk. Whatever is sent was written there before."""

from __future__ import annotations

import errno
import fcntl
import os
from contextlib import suppress
from pathlib import Path

from pedsam_ros.core import private_files
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.exposure_record import MOST_BYTES
from pedsam_ros.core.ledger import Ledger

_FRAMES = 500  # a crash may lose the counts and times of so many frames
_LOCK = os.O_CREAT | os.O_RDWR


class LedgerFile:
    """One edge's ledger. While it is open, no other edge can open it.

    `ledger` is what the file holds, under the homes and the cap of `empty`; `new` says that there
    was no file, and then it is `empty` itself. A ledger at `former` is read where none is at
    `path`, and stays there. Raises ConfigError if the file is in use, cannot be read or written,
    is not this user's alone, or does not hold a ledger of this grid.
    """

    def __init__(self, path: Path, empty: Ledger, former: Path | None = None) -> None:
        self.path, self.ledger = path, empty
        try:
            self._open(former)
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
        under its name. Raises OSError, also if it has grown larger than can be read again."""
        changes, frames = self.ledger.changes, self._counted()
        text = self.ledger.to_json()
        if len(text) > MOST_BYTES:
            raise OSError(errno.EFBIG, f'the ledger has {len(text)} bytes, above {MOST_BYTES}')
        private_files.replace(self.path, text.encode())
        self._changes, self._frames = changes, frames

    def close(self) -> None:
        """Lets another edge open the file."""
        self._lock.close()

    def _open(self, former: Path | None) -> None:
        """Makes the folder if it is not there, and keeps other edges out."""
        folder = self.path.expanduser().parent
        folder.mkdir(0o700, parents=True, exist_ok=True)
        self.path = folder.resolve() / self.path.name  # the file itself must not be a link
        lock = self.path.with_name(self.path.name + '.lock')
        self._lock = os.fdopen(private_files.opened(lock, _LOCK), 'r+b')
        try:
            self._take_over(former)
        except BaseException:
            self.close()
            raise

    def _take_over(self, former: Path | None) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ConfigError(f'ledger_file={str(self.path)!r}: another edge uses it') from None
        places = [path for path in (self.path, former) if path and os.path.lexists(path)]
        self.new = not places
        if not self.new:
            self.ledger = self._read(places[0])
        if self.path not in places:
            self.write()

    def _read(self, path: Path) -> Ledger:
        empty = self.ledger
        try:
            os.close(private_files.opened(path, harmful=0o022))
            text = private_files.read(path, MOST_BYTES).decode()
            return Ledger.from_json(
                text, empty.homes, empty.max_share, empty.grid, empty.identities
            )
        except (ConfigError, OSError, UnicodeDecodeError) as error:
            raise ConfigError(
                f'ledger_file={str(path)!r}: {error}; mend it, or remove it if the workers have '
                'forgotten what they saw'
            ) from None

    def _counted(self) -> int:
        return sum(seen.frames for seen in self.ledger.seen.values())
