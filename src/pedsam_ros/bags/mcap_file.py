"""Reads an mcap file by time, chunk by chunk. What is damaged costs its messages alone.

The format is specified at https://mcap.dev/spec. rosbags' own reader refuses a file for one
foreign topic, and unpacks chunks without a limit.
"""

from __future__ import annotations

import heapq
from array import array
from binascii import crc32
from collections.abc import Collection, Iterator
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from pedsam_ros.bags.channels import MAX_TEXT, Channel, Lost, latched, modern
from pedsam_ros.bags.mcap_records import (
    FOOTER_BYTES,
    HEAD_BYTES,
    MAGIC,
    MESSAGE_HEAD_BYTES,
    Fields,
    Op,
    heads,
    records,
)
from pedsam_ros.bags.unpacking import MAX_BYTES, unpacked
from pedsam_ros.core.errors import ConfigError

_MAX_OPEN_BYTES = 2**30  # of chunks that overlap in time, which must be open together

Message = tuple[int, int, bytes]  # channel, stamp in ns, data


class _Chunk(NamedTuple):
    start_ns: int
    at: int  # offset of its record's head in the file


class McapFile:
    """A complete mcap file, which errors call `name`. Raises ConfigError if it is damaged."""

    def __init__(self, path: Path, name: str) -> None:
        self._path, self._name = path, name
        self._types: dict[int, str] = {}  # by the id of the schema
        self._channels: dict[int, Channel] = {}
        self._counts: dict[int, int] = {}
        self._chunks: list[_Chunk] = []
        self._stamps, self._offsets = array('Q'), array('Q')  # of messages outside of chunks
        with path.open('rb') as file:
            try:
                self._index(file)
            except ValueError as error:
                raise ConfigError(f'{name}: damaged: {error}') from error
        self._chunks = sorted(set(self._chunks))

    def channels(self) -> list[Channel]:
        """The channels of the file, with the number of messages of each."""
        counts = self._counts
        return [each._replace(messages=counts.get(i, 0)) for i, each in self._channels.items()]

    def messages(self, wanted: Collection[int], lost: Lost) -> Iterator[Message]:
        """Yields the messages of these channels by time; `lost` is told of those left out.

        Raises ConfigError if more than 1 GB of chunks would be open at a time, or reading fails.
        """
        try:
            with self._path.open('rb') as file:
                sources = self._chunked(file, wanted, lost), self._bare(file, wanted, lost)
                yield from heapq.merge(*sources, key=itemgetter(1))
        except (OSError, ValueError) as error:  # the file has changed since it was opened
            raise ConfigError(f'{self._name}: no longer readable: {error}') from error

    def _index(self, file: BinaryIO) -> None:
        """Finds channels, counts and chunks: in the summary if it is whole, else everywhere."""
        end = file.seek(0, 2) - FOOTER_BYTES
        file.seek(max(0, end))
        footer = file.read()
        if end < len(MAGIC) or not footer.endswith(MAGIC) or footer[0] != Op.FOOTER:
            raise ConfigError(
                f'{self._name}: cut off, or still being written: it has no end. '
                '`mcap recover` makes a whole file of it'
            )
        summary = int.from_bytes(footer[HEAD_BYTES : HEAD_BYTES + 8], 'little')
        if summary and not len(MAGIC) <= summary <= end:
            raise ValueError(f'its summary would begin at byte {summary} of {end}')
        if not (summary and self._read_summary(file, summary, end)):
            self._scan(file, summary or end)

    def _read_summary(self, file: BinaryIO, start: int, end: int) -> bool:
        """Returns whether the summary tells all that `_scan` would find."""
        told, chunks, channels = False, 0, 0
        for op, at, size in heads(file, start, end):
            if op not in (Op.SCHEMA, Op.CHANNEL, Op.CHUNK_INDEX, Op.STATISTICS):
                continue
            fields = _fields(file, at, size)
            if op == Op.CHUNK_INDEX:
                start_ns, _, chunk = (fields.number(8) for _ in range(3))
                if chunk >= start:
                    return False
                self._chunks.append(_Chunk(start_ns, chunk))
            elif op == Op.STATISTICS:
                told, counted = True, fields.statistics()
                chunks, channels, self._counts = counted.chunks, counted.channels, counted.messages
            else:
                self._learn(op, fields)
        whole = told and chunks == len(self._chunks) and channels == len(self._channels)
        return whole and (chunks > 0 or not self._counts)

    def _scan(self, file: BinaryIO, end: int) -> None:
        """Walks through all data, and unpacks every chunk once to count its messages."""
        self._chunks, self._counts = [], {}
        damage = ''
        for op, at, size in heads(file, len(MAGIC), end):
            if op in (Op.SCHEMA, Op.CHANNEL):
                self._learn(op, _fields(file, at, size))
            elif op == Op.MESSAGE:
                file.seek(at)
                channel, stamp_ns = Fields(memoryview(file.read(MESSAGE_HEAD_BYTES))).message()
                self._count(channel)
                self._stamps.append(stamp_ns)
                self._offsets.append(at - HEAD_BYTES)
            elif op == Op.CHUNK:
                damage = self._scan_chunk(file, at - HEAD_BYTES) or damage
        if damage and not self._channels:
            raise ValueError(damage)

    def _scan_chunk(self, file: BinaryIO, at: int) -> str:
        """Counts the messages of a chunk; returns what is wrong with it."""
        first_ns, damage = None, ''
        try:
            for op, body in records(_opened(file, at)):
                if op in (Op.SCHEMA, Op.CHANNEL):
                    self._learn(op, Fields(body))
                elif op == Op.MESSAGE:
                    channel, stamp_ns = Fields(body).message()
                    self._count(channel)
                    first_ns = stamp_ns if first_ns is None else min(first_ns, stamp_ns)
        except ValueError as error:  # told again when it is read
            first_ns, damage = first_ns or 0, str(error)
        if first_ns is not None:
            self._chunks.append(_Chunk(first_ns, at))
        return damage

    def _learn(self, op: int, fields: Fields) -> None:
        """Takes a schema or a channel."""
        number = fields.number(2)
        if op == Op.SCHEMA:
            self._types[number] = modern(fields.text()[:MAX_TEXT])
            return
        type_name = self._types.get(fields.number(2), '')
        topic, encoding = fields.text()[:MAX_TEXT], fields.text()[:MAX_TEXT]
        kept = latched(fields.texts().get('offered_qos_profiles', ''))
        self._channels[number] = Channel(number, topic, type_name, encoding, 0, kept)

    def _count(self, channel: int) -> None:
        self._counts[channel] = self._counts.get(channel, 0) + 1

    def _bare(self, file: BinaryIO, wanted: Collection[int], lost: Lost) -> Iterator[Message]:
        """Yields the messages that lie outside of chunks by time."""
        stamps = np.frombuffer(self._stamps, np.uint64)
        for i in np.argsort(stamps, kind='stable'):
            file.seek(self._offsets[i] + 1)
            size = int.from_bytes(file.read(8), 'little')
            channel, stamp_ns = Fields(memoryview(file.read(MESSAGE_HEAD_BYTES))).message()
            if channel not in wanted:
                continue
            if size > MAX_BYTES:
                lost(self._channels[channel].topic, f'a message of {size} bytes is left out')
            else:
                yield channel, stamp_ns, file.read(size - MESSAGE_HEAD_BYTES)

    def _chunked(self, file: BinaryIO, wanted: Collection[int], lost: Lost) -> Iterator[Message]:
        """Yields the messages in chunks by time; only chunks that overlap are open together."""
        waiting: list[tuple[int, int, int, memoryview, list[int]]] = []
        open_bytes = order = 0
        for chunk in [*self._chunks, None]:
            while waiting and (chunk is None or waiting[0][0] < chunk.start_ns):
                stamp_ns, _, channel, data, left = heapq.heappop(waiting)
                yield channel, stamp_ns, bytes(data)
                left[0] -= 1
                open_bytes -= 0 if left[0] else left[1]
            if chunk is None:
                return
            found, size = self._messages_in(file, chunk, wanted, lost)
            left = [len(found), size]  # messages, and the bytes that they keep in memory
            for channel, stamp_ns, data in found:
                order += 1
                heapq.heappush(waiting, (stamp_ns, order, channel, data, left))
            open_bytes += size if found else 0
            if open_bytes > _MAX_OPEN_BYTES:
                raise ConfigError(
                    f'{self._name}: over {_MAX_OPEN_BYTES} bytes of chunks overlap in time; '
                    '`mcap sort` puts them in order'
                )

    def _messages_in(
        self, file: BinaryIO, chunk: _Chunk, wanted: Collection[int], lost: Lost
    ) -> tuple[list[tuple[int, int, memoryview]], int]:
        """The wanted messages of a chunk in its own order, and the chunk's size in bytes."""
        found, data = [], memoryview(b'')
        try:
            data = _opened(file, chunk.at)
            for op, body in records(data):
                if op == Op.MESSAGE:
                    channel, stamp_ns = Fields(body).message()
                    if channel in wanted:
                        found.append((channel, stamp_ns, body[MESSAGE_HEAD_BYTES:]))
        except ValueError as error:
            lost(self._name, f'a chunk is left out from byte {chunk.at} on: {error}')
        return found, len(data)


def _fields(file: BinaryIO, at: int, size: int) -> Fields:
    if size > MAX_BYTES:
        raise ValueError(f'a record of {size} bytes at byte {at}')
    file.seek(at)
    return Fields(memoryview(file.read(size)))


def _opened(file: BinaryIO, at: int) -> memoryview:
    """The records of the chunk at byte `at`, unpacked. Raises ValueError."""
    file.seek(at)
    head = file.read(HEAD_BYTES)
    size = int.from_bytes(head[1:], 'little')
    if len(head) < HEAD_BYTES or head[0] != Op.CHUNK:
        raise ValueError('no chunk is there')
    fields = _fields(file, at + HEAD_BYTES, size)
    fields.skip(16)
    size, checksum, packing = fields.number(8), fields.number(4), fields.text()
    data = fields.data(fields.number(8))
    if size > MAX_BYTES:
        raise ValueError(f'{size} bytes once unpacked')
    if packing:
        data = memoryview(unpacked(data, packing, size))
    if len(data) != size or (checksum and crc32(data) != checksum):
        raise ValueError('its size or its checksum is wrong')
    return data
