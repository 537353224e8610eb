"""The folder of this host's private keys: its own as a worker, and an edge's for each worker.

worker.key       what this host is to its edge
edge-NAME.key    what the edge on this host is to worker NAME, and to no other worker
"""

from __future__ import annotations

import re
import shlex
import stat
from pathlib import Path

from pedsam_ros.core import private_files
from pedsam_ros.core.common_settings import NAME, NAME_FORM
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.keys import FILE_BYTES, new_private, parse_private, private_line
from pedsam_ros.core.noise import PrivateKey
from pedsam_ros.core.shown import written
from pedsam_ros.nodes.home import keys_path


class KeyFolder:
    """Private keys in files of mode 0600. `worker` names the one that an edge's key is for; with
    None it is this host's own key as a worker. By default the folder is `keys` in ROS_HOME/pedsam.

    Every method raises ConfigError, which names the file and the rule and shows no key.
    """

    def __init__(self, folder: Path | None = None) -> None:
        try:
            self.folder = (folder or keys_path()).expanduser()
        except RuntimeError as error:  # no such ~
            raise ConfigError(f'key folder {folder or "in ROS_HOME"}: {error}') from None

    def file(self, worker: str | None) -> Path:
        """The file of a key, which need not be there."""
        if worker is None:
            return self.folder / 'worker.key'
        if not re.fullmatch(NAME, worker):
            raise ConfigError(f'worker {written(worker)}: {NAME_FORM}')
        return self.folder / f'edge-{worker}.key'

    def load(self, worker: str | None) -> PrivateKey:
        """The key. Nobody but its owner may be able to touch its file."""
        file = self.file(worker)
        if not self.has(worker):
            command = 'init' if worker is None else f'add-worker {worker} KEY'
            raise ConfigError(f'{file}: is not there; pedsam keys {command} makes it')
        if self.folder.stat().st_mode & stat.S_IWOTH:
            command = f'chmod 700 {shlex.quote(str(self.folder))}'
            raise ConfigError(f'{self.folder}: others may write here; run: {command}')
        content = private_files.read(file, FILE_BYTES)
        try:
            return parse_private(content)
        except ConfigError as error:
            raise ConfigError(f'{file}: {error}') from None

    def make(self, worker: str | None) -> PrivateKey:
        """The key; a new one if there is none. A file that is there is never overwritten."""
        if self.has(worker):
            return self.load(worker)
        private, file = new_private(), self.file(worker)
        try:
            private_files.create(file, private_line(private))
        except FileExistsError:  # made by another process just now
            return self.load(worker)
        except OSError as error:
            raise _unwritten(file, error) from None
        return private

    def renew(self, worker: str | None) -> tuple[PrivateKey, PrivateKey]:
        """Puts a new key in the place of the old one. Returns the old one and the new one."""
        old, new, file = self.load(worker), new_private(), self.file(worker)
        try:
            private_files.replace(file, private_line(new))
        except OSError as error:
            raise _unwritten(file, error) from None
        return old, new

    def remove(self, worker: str | None) -> Path:
        """Removes the key's file, whatever it holds. Returns its path."""
        file = self.file(worker)
        try:
            file.unlink()
        except FileNotFoundError:
            raise ConfigError(f'{file}: is not there') from None
        except OSError as error:
            raise ConfigError(f'{file}: cannot be removed: {error.strerror}') from None
        return file

    def has(self, worker: str | None) -> bool:
        """Whether there is anything under the name of the key's file, a dead link included."""
        file = self.file(worker)
        try:
            file.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise ConfigError(f'{file}: cannot be read: {error.strerror}') from None
        return True

    def workers(self) -> tuple[str, ...]:
        """The workers that an edge on this host has a key for, by name."""
        names = (re.fullmatch(rf'edge-({NAME})\.key', file.name) for file in self._files())
        return tuple(sorted(name[1] for name in names if name))

    def _files(self) -> list[Path]:
        try:
            return list(self.folder.iterdir())
        except FileNotFoundError:
            return []
        except OSError as error:
            raise ConfigError(f'{self.folder}: cannot be read: {error.strerror}') from None


def _unwritten(file: Path, error: OSError) -> ConfigError:
    return ConfigError(f'{file}: cannot be written: {error.strerror}')
