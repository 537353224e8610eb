"""Files that only their owner may touch: keys, tokens, ledgers. No error shows what they hold.

The owner is the user of this process, and nobody else, root included: where root lends a file to
a service, its mode or its access list shows that others may read it too. So a systemd service
keeps these files in its own `StateDirectory=`, and not in a `LoadCredential=`.
"""

from __future__ import annotations

import os
import secrets
import shlex
import stat
from contextlib import suppress
from pathlib import Path

from pedsam_ros.core.errors import ConfigError

_MODE = 0o600
_FOLDER_MODE = 0o700
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def read(path: Path, most_bytes: int) -> bytes:
    """The content of a regular file of this user's that nobody else may touch.

    Raises ConfigError, which names the path and the rule: the file is missing, a link or no
    regular file; another user owns it or may touch it; or it is larger than `most_bytes`.
    """
    try:
        descriptor = os.open(path, _READ)  # O_NONBLOCK: a pipe without a writer would hang
    except (OSError, ValueError) as error:  # ValueError: no name for a file
        reason = 'is a link; name the file itself' if os.path.islink(path) else _why(error)
        raise ConfigError(f'{path}: {reason}') from None
    try:
        _check(path, os.fstat(descriptor))
        with os.fdopen(descriptor, 'rb', closefd=False) as file:
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise ConfigError(f'{path}: {_why(error)}') from None
    finally:
        os.close(descriptor)
    if len(content) > most_bytes:
        raise ConfigError(f'{path}: at most {most_bytes} bytes')
    return content


def opened(path: Path, flags: int = 0, harmful: int = 0) -> int:
    """Opens a regular file of this user's, and closes it to all others: earlier versions let them
    read it. Raises OSError, also if its mode has `harmful` bits."""
    if path.is_symlink():
        raise OSError(f'{path}: is a link; name the file itself')
    descriptor = os.open(path, _READ | flags, _MODE)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != os.geteuid():
            raise OSError(f'{path}: no file, or of another user')
        if status.st_mode & harmful:
            raise OSError(f'{path}: others may write it; look at it, then run: chmod 600 {path}')
        os.fchmod(descriptor, _MODE)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def create(path: Path, content: bytes) -> None:
    """Makes a file of mode 0600; it and its name are on the disk when this returns.

    Nobody ever finds half a file under `path`. Folders that are missing are made with mode 0700.
    Raises FileExistsError if there is anything under this name, a link included, and OSError if
    the file cannot be written; then none is left.
    """
    _make_folders(path.parent)
    whole = path.with_name(f'{path.name}.{secrets.token_hex(8)}')
    _write(whole, content)
    try:
        os.link(whole, path)
    finally:
        _remove(whole)
    _sync_folder(path.parent)


def replace(path: Path, content: bytes) -> None:
    """Puts a new file of mode 0600 in the place of `path`, which need not be there.

    It is on the disk when this returns, and nobody ever finds half a file under `path`. A link
    there is replaced and not followed. Folders that are missing are made with mode 0700. Only one
    process may replace a file at a time. Raises OSError; then `path` is as it was.
    """
    _make_folders(path.parent)
    partial = path.with_name(path.name + '.partial')
    partial.unlink(missing_ok=True)  # of a process that was killed, or a link
    _write(partial, content)
    try:
        partial.replace(path)
    except BaseException:
        _remove(partial)
        raise
    _sync_folder(path.parent)


def _check(path: Path, status: os.stat_result) -> None:
    name, user = shlex.quote(str(path)), os.geteuid()
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f'{path}: is no regular file')
    if status.st_uid != user:
        raise ConfigError(
            f'{path}: owner={status.st_uid}: must be the user who reads it; '
            f'run: sudo chown {user} {name}'
        )
    mode = stat.S_IMODE(status.st_mode)
    if mode & 0o077:
        raise ConfigError(
            f'{path}: mode={mode:04o}: only its owner may touch it; run: chmod 600 {name}'
        )


def _write(path: Path, content: bytes) -> None:
    """Makes a file that must not be there yet. If it cannot be written, none is left."""
    descriptor = os.open(path, _CREATE, _MODE)
    try:
        with os.fdopen(descriptor, 'wb') as file:
            os.fchmod(descriptor, _MODE)  # a umask may have taken the owner's rights
            file.write(content)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        _remove(path)
        raise


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _make_folders(folder: Path) -> None:
    if not folder.is_dir():
        _make_folders(folder.parent)
        with suppress(FileExistsError):  # made by another process just now
            folder.mkdir(_FOLDER_MODE)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _why(error: Exception) -> str:
    """Why a file cannot be read, without its path."""
    return f'cannot be read: {(isinstance(error, OSError) and error.strerror) or error}'
