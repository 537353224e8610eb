"""Finds the files that a bag consists of, and says what they are by their first bytes."""

from __future__ import annotations

import re
from pathlib import Path, PurePath
from typing import Any

from pedsam_ros.bags import mcap_file, sqlite_file
from pedsam_ros.bags.mcap_file import McapFile
from pedsam_ros.bags.sqlite_file import SqliteFile
from pedsam_ros.bags.unpacking import ZSTD_MAGIC, Stopped, unpack_file
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.foreign_text import parsed_yaml
from pedsam_ros.core.shown import shown, written

_METADATA = 'metadata.yaml'
_MAX_METADATA_BYTES = 2**22  # YAML of this size takes some ten seconds
_MAX_FILES = 10000
_MAGICS = mcap_file.MAGIC, sqlite_file.MAGIC
_ROS1_MAGIC = b'#ROSBAG V'
_PACKED = '.zstd'
_STORED = re.compile(r'(.+?)(?:_(\d+))?(\.mcap|\.db3)(\.zstd)?')  # bag_12.db3.zstd


def files_of(bag: Path) -> list[Path]:
    """The files of a bag, in their order: a folder's, or the one file that `bag` is.

    A folder without metadata.yaml has those of its .mcap or .db3 files that are parts of one bag.
    Raises ConfigError if there is none, they cannot be looked at, or it is unclear which belong
    together.
    """
    try:
        if bag.is_file():
            return [bag]
        if not bag.is_dir():
            raise ConfigError(f'{bag}: {"no file or folder" if bag.exists() else "no such bag"}')
        files = _listed(bag) if (bag / _METADATA).is_file() else _guessed(bag)
    except (OSError, ValueError) as error:  # also of names that no file can have
        raise ConfigError(f'{bag}: {error}') from error
    if len(files) > _MAX_FILES:
        raise ConfigError(f'{bag}: {len(files)} files; at most {_MAX_FILES}')
    return files


def opened(
    file: Path, folder: Path, limit: int, stopped: Stopped
) -> tuple[McapFile | SqliteFile, int]:
    """A reader of a file, and how many bytes of it were unpacked into `folder`.

    Raises ConfigError if the file is damaged, of another kind, or above `limit` once unpacked,
    Interrupted once `stopped` returns True.
    """
    plain, size = file, 0
    try:
        start = _start(file)
        if start.startswith(ZSTD_MAGIC):
            plain = folder / file.name.removesuffix(_PACKED)
            size = unpack_file(file, plain, limit, _MAGICS, stopped)
            start = _start(plain)
        if start.startswith(mcap_file.MAGIC):
            return McapFile(plain, str(file), stopped), size
        if start.startswith(sqlite_file.MAGIC):
            return SqliteFile(plain, str(file), stopped), size
    except (OSError, ValueError) as error:
        raise ConfigError(f'{file}: {error}') from error
    if start.startswith(_ROS1_MAGIC):
        raise ConfigError(
            f'{file}: a bag of ROS 1; `rosbags-convert --src {file} --dst FOLDER` makes one of '
            'ROS 2 of it'
        )
    raise ConfigError(f'{file}: {"no mcap or sqlite3 file" if start else "an empty file"}')


def _start(file: Path) -> bytes:
    with file.open('rb') as stream:
        return stream.read(len(sqlite_file.MAGIC))


def _listed(bag: Path) -> list[Path]:
    """The files that metadata.yaml names; rosbag2 may have unpacked them since. ConfigError."""
    metadata = bag / _METADATA
    try:
        with metadata.open('rb') as stream:
            text = stream.read(_MAX_METADATA_BYTES + 1)
        if len(text) > _MAX_METADATA_BYTES:
            raise ValueError(f'over {_MAX_METADATA_BYTES} bytes')
        told: dict[str, Any] = parsed_yaml(text, _MAX_METADATA_BYTES)[
            'rosbag2_bagfile_information'
        ]
        names = [PurePath(each).name for each in told['relative_file_paths']]
        mode, packing = told.get('compression_mode'), told.get('compression_format')
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(f'{metadata}: no metadata of a bag: {shown(error, 200)}') from error
    if str(mode or 'none').lower() != 'none' and packing != 'zstd':
        raise ConfigError(f'{bag}: compressed as {written(packing)}; only zstd can be read')
    files = [_present(bag / name) for name in names]
    missing = [name for name, file in zip(names, files, strict=True) if file is None]
    if missing or not names:
        raise ConfigError(
            f'{metadata}: names files that are missing: {", ".join(map(shown, missing[:5]))}'
        )
    return [file for file in files if file is not None]


def _present(file: Path) -> Path | None:
    """The file, or the same unpacked or packed; None if neither is there."""
    names = file.name, file.name.removesuffix(_PACKED), file.name + _PACKED
    return next((f for f in map(file.with_name, names) if f.is_file()), None)


def _guessed(bag: Path) -> list[Path]:
    """The parts of the only bag in a folder without metadata.yaml. Raises ConfigError."""
    found: dict[tuple[str, str], dict[int, Path]] = {}
    for file in sorted(bag.iterdir()):
        match = _STORED.fullmatch(file.name)
        if match and file.is_file():
            name, number, suffix, _ = match.groups()
            # An unpacked file is sorted before the packed one of the same name.
            found.setdefault((name, suffix), {}).setdefault(int(number or -1), file)
    if len(found) != 1:
        several = ', '.join(name + suffix for name, suffix in list(found)[:5])
        what = f'it has several bags: {several}; give one file' if found else 'no .mcap or .db3'
        raise ConfigError(f'{bag}: without {_METADATA}, and {what}')
    (parts,) = found.values()
    return [parts[number] for number in sorted(parts)]
