"""Reads Qt's resource archives (.rcc) like zip files. Source: Qt, qresource.cpp, rcc.cpp."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

ZLIB, FOLDER, ZSTD = 1, 2, 4  # a node's flags
NODE_BYTES = {1: 14, 2: 22, 3: 22}  # size of a node in each version of the format


class RccFile:
    """The files of an archive, by path.

    Raises zipfile.BadZipFile if `file` is not such an archive, OSError if it cannot be read.
    """

    def __init__(self, file: Path) -> None:
        self._data = file.read_bytes()
        if len(self._data) < 20:
            raise zipfile.BadZipFile(f'{file}: {len(self._data)} bytes, not a Qt resource file')
        magic, version, self._tree, self._blobs, self._names = struct.unpack_from(
            '>4s4I', self._data
        )
        if magic != b'qres' or version not in NODE_BYTES:
            raise zipfile.BadZipFile(f'{file}: not a Qt resource file of version 1 to 3')
        self._node_bytes = NODE_BYTES[version]
        self._nodes = dict(self._below(0, ''))

    def namelist(self) -> list[str]:
        """The paths of all files."""
        return list(self._nodes)

    def read(self, name: str) -> bytes:
        """The bytes of a file. Raises KeyError if it is absent or compressed with zstd."""
        node = self._nodes[name]
        (flags,) = struct.unpack_from('>H', self._data, node + 4)
        (offset,) = struct.unpack_from('>I', self._data, node + 10)
        (size,) = struct.unpack_from('>I', self._data, self._blobs + offset)
        start = self._blobs + offset + 4
        data = self._data[start : start + size]
        if flags & ZSTD:
            raise KeyError(f'{name}: compressed with zstd, which is not read')
        return zlib.decompress(data[4:]) if flags & ZLIB else data

    def _below(self, index: int, folder: str) -> Iterator[tuple[str, int]]:
        """Yields path and node offset of each file below a node."""
        node = self._tree + index * self._node_bytes
        name_at, flags = struct.unpack_from('>IH', self._data, node)
        path = f'{folder}/{self._name(name_at)}'.lstrip('/') if index else ''
        if not flags & FOLDER:
            yield path, node
            return
        count, first = struct.unpack_from('>2I', self._data, node + 6)
        for child in range(first, first + count):
            yield from self._below(child, path)

    def _name(self, offset: int) -> str:
        (length,) = struct.unpack_from('>H', self._data, self._names + offset)
        start = self._names + offset + 6
        return self._data[start : start + 2 * length].decode('utf-16-be')
