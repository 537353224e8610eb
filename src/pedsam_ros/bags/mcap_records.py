"""Reads single records of an mcap file, and never more of them than they announce."""

from __future__ import annotations

import struct
from binascii import crc32
from collections.abc import Iterator
from io import SEEK_END
from typing import BinaryIO

from mcap import records
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode

from pedsam_ros.bags.unpacking import MAX_BYTES, unpacked

HEAD = struct.Struct('<BQ')  # of a record: its kind, and the size of its body
DAMAGE = (ValueError, McapError, struct.error)  # what reading a damaged record raises
_SKIPPED = 22  # bytes of a message before its data


class Body(ReadDataStream):
    """The body of a record, for the library to read. Raises ValueError if it is over `limit`."""

    def __init__(self, file: BinaryIO, size: int, limit: int = MAX_BYTES) -> None:
        super().__init__(file)
        self._size = size
        if size > limit:
            raise ValueError(f'a record of {size} bytes')

    def read(self, length: int) -> bytes:
        """The next bytes. Raises ValueError if they would not end within the record."""
        if not 0 <= length <= self._size - self.count:
            raise ValueError(f'a field of {length} bytes reaches over the end of its record')
        return super().read(length)

    def read_prefixed_string(self) -> str:
        """A text; bytes that are no UTF-8 become question marks."""
        return self.read(self.read4()).decode(errors='replace')


def heads(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yields (kind, offset of the body, its size) of records. ValueError if one is cut off."""
    at = start
    while at < end:
        file.seek(at)
        head = file.read(HEAD.size)
        at += HEAD.size
        op, size = HEAD.unpack(head) if len(head) == HEAD.size else (0, end)
        if at + size > end:
            raise ValueError(f'a record of {size} bytes at byte {at} of {end}')
        yield op, at, size
        at += size


def place(file: BinaryIO, at: int, size: int) -> tuple[int, int, int, int]:
    """The channel and the stamp in ns of a message, and the offset and the size of its data."""
    head = records.Message.read(Body(file, min(size, _SKIPPED)), _SKIPPED)
    return head.channel_id, head.log_time, at + _SKIPPED, size - _SKIPPED


def unpacked_chunk(file: BinaryIO, at: int) -> bytes:
    """The records of the chunk at byte `at`. Raises one of DAMAGE."""
    op, _, size = next(heads(file, at, file.seek(0, SEEK_END)), (0, 0, 0))
    if op != Opcode.CHUNK:
        raise ValueError('no chunk is there')
    chunk = records.Chunk.read(Body(file, size))
    if chunk.uncompressed_size > MAX_BYTES:
        raise ValueError(f'{chunk.uncompressed_size} bytes once unpacked')
    data: bytes = chunk.data
    if chunk.compression:
        data = unpacked(data, chunk.compression, chunk.uncompressed_size)
    checksum = chunk.uncompressed_crc
    if len(data) != chunk.uncompressed_size or (checksum and crc32(data) != checksum):
        raise ValueError('its size or its checksum is wrong')
    return data
