"""The records that an mcap file consists of, and the fields that a record consists of."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import BinaryIO, NamedTuple

MAGIC = b'\x89MCAP0\r\n'
HEAD_BYTES = 9  # of each record: one that tells its kind, eight that tell its length
_MESSAGE_HEAD = struct.Struct('<HIQQ')  # channel, sequence, log time, publish time; data follow
MESSAGE_HEAD_BYTES = _MESSAGE_HEAD.size
FOOTER_BYTES = HEAD_BYTES + 20 + len(MAGIC)


class Op(IntEnum):
    """The kinds of records that are read; all others are skipped."""

    FOOTER = 2
    SCHEMA = 3
    CHANNEL = 4
    MESSAGE = 5
    CHUNK = 6
    CHUNK_INDEX = 8
    STATISTICS = 11


class Statistics(NamedTuple):
    """How much a file holds, as its writer counted."""

    channels: int
    chunks: int
    messages: dict[int, int]  # by channel


class Fields:
    """The fields of a record, one after another. Each method raises ValueError at its end."""

    def __init__(self, body: memoryview) -> None:
        self._body, self._at = body, 0

    def data(self, size: int) -> memoryview:
        """The next `size` bytes, which share the record's memory."""
        start, self._at = self._at, self._at + size
        if self._at > len(self._body):
            raise ValueError(f'a field of {size} bytes reaches over the end of its record')
        return self._body[start : self._at]

    def skip(self, size: int) -> None:
        """Passes over `size` bytes."""
        self.data(size)

    def number(self, size: int) -> int:
        """An unsigned integer of `size` bytes."""
        return int.from_bytes(self.data(size), 'little')

    def text(self) -> str:
        """A text; bytes that are no UTF-8 become question marks."""
        return bytes(self.data(self.number(4))).decode(errors='replace')

    def texts(self) -> dict[str, str]:
        """A map from text to text."""
        inner = Fields(self.data(self.number(4)))
        found = {}
        while inner._at < len(inner._body):
            key = inner.text()
            found[key] = inner.text()
        return found

    def message(self) -> tuple[int, int]:
        """The channel of a message and its log time in ns; its data follow."""
        channel, _, stamp_ns, _ = _MESSAGE_HEAD.unpack(self.data(MESSAGE_HEAD_BYTES))
        return channel, stamp_ns

    def statistics(self) -> Statistics:
        """The counts of a file."""
        _, _, channels, _, _, chunks = (self.number(size) for size in (8, 2, 4, 4, 4, 4))
        self.skip(16)
        count = self.number(4) // 10
        return Statistics(channels, chunks, {self.number(2): self.number(8) for _ in range(count)})


def heads(file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yields (kind, offset of the body, its length) of each record between two offsets.

    Raises ValueError if a record reaches over the end.
    """
    at = start
    while at < end:
        file.seek(at)
        head = file.read(HEAD_BYTES)
        size = int.from_bytes(head[1:], 'little')
        at += HEAD_BYTES
        if at + size > end:
            raise ValueError(f'a record of {size} bytes at byte {at} of {end}')
        yield head[0], at, size
        at += size


def records(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yields (kind, body) of each record in a chunk. Raises ValueError as `heads`."""
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at + 1 : at + HEAD_BYTES], 'little')
        body = data[at + HEAD_BYTES : at + HEAD_BYTES + size]
        if len(body) < size or at + HEAD_BYTES > len(data):
            raise ValueError(f'a record of {size} bytes reaches over its end')
        yield data[at], body
        at += HEAD_BYTES + size
