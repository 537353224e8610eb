"""Reads an mcap file by time, chunk by chunk. What is damaged costs its messages alone.

The mcap library reads the records. This module chooses and bounds them: the library's own readers
load what they skip, and unpack chunks without a limit.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter
from collections.abc import Collection, Iterator
from io import SEEK_END, BytesIO
from operator import itemgetter
from pathlib import Path
from typing import BinaryIO

import numpy as np
from mcap import records
from mcap.opcode import Opcode

from pedsam_ros.bags.channels import MAX_TEXT, Channel, Lost, latched, modern
from pedsam_ros.bags.mcap_records import DAMAGE, HEAD, Body, heads, place, unpacked_chunk
from pedsam_ros.bags.unpacking import MAX_BYTES, Interrupted, Stopped, never
from pedsam_ros.core.errors import ConfigError

MAGIC = b'\x89MCAP0\r\n'  # the first and the last bytes of a file
_FOOTER_BYTES = HEAD.size + 20 + len(MAGIC)
_MAX_CHANNEL_BYTES = 2**24  # of a record; a map of this size takes ten times as much memory
_MAX_CHUNKS = 2**20  # each takes some 600 bytes of memory
_MAX_OPEN_BYTES = 2**30  # of chunks that overlap in time, which must be open together

Message = tuple[int, int, bytes]  # channel, stamp in ns, data


class McapFile:
    """A complete mcap file, which errors call `name`.

    Raises ConfigError if it is damaged, Interrupted once `stopped` returns True.
    """

    def __init__(self, path: Path, name: str, stopped: Stopped = never) -> None:
        self._path, self._name, self._stopped = path, name, stopped
        self._types: dict[int, str] = {}  # by the id of the schema
        self._channels: dict[int, Channel] = {}  # without their types and counts
        self._schemas: dict[int, int] = {}  # the schema of each channel; 0 is none
        self._counts: Counter[int] = Counter()
        self._chunks: dict[int, int] = {}  # its offset in the file -> its first stamp in ns
        self._bare = array('Q')  # places of messages outside of chunks
        with path.open('rb') as file:
            try:
                self._index(file)
            except DAMAGE as error:
                raise ConfigError(f'{name}: damaged: {error}') from error
        if len(self._chunks) > _MAX_CHUNKS:
            raise ConfigError(f'{name}: over {_MAX_CHUNKS} chunks; `mcap compress` joins them')

    def channels(self) -> list[Channel]:
        """The channels of the file, with the number of messages of each."""
        return [
            each._replace(
                type_name=self._types.get(self._schemas[i], ''), messages=self._counts[i]
            )
            for i, each in self._channels.items()
        ]

    def messages(self, wanted: Collection[int], lost: Lost) -> Iterator[Message]:
        """Yields the messages of these channels by time; `lost` is told of those left out.

        Raises ConfigError if more than 1 GB of chunks would be open at a time, or reading fails.
        """
        open_bytes = 0  # of chunks that overlap in time

        def messages_in(at: int, start_ns: int) -> Iterator[Message]:
            nonlocal open_bytes
            yield -1, start_ns, b''  # the chunk is opened after this one, when its time has come
            data, places, wrong = self._opened(file, at, learn=False)
            if wrong:
                lost(self._name, f'a chunk is left out from byte {at} on: {wrong}')
            size = data.seek(0, SEEK_END) + len(places) * places.itemsize
            open_bytes += size
            if open_bytes > _MAX_OPEN_BYTES:
                raise ConfigError(
                    f'{self._name}: over {_MAX_OPEN_BYTES} bytes of chunks overlap in time; '
                    '`mcap sort` puts them in order'
                )
            yield from self._by_time(data, places, wanted, lost)
            open_bytes -= size

        try:
            with self._path.open('rb') as file:
                parts = [messages_in(at, start_ns) for at, start_ns in self._chunks.items()]
                bare = self._by_time(file, self._bare, wanted, lost)
                for message in heapq.merge(*parts, bare, key=itemgetter(1)):
                    if message[0] >= 0:
                        yield message
        except (OSError, *DAMAGE) as error:  # the file has changed since it was opened
            raise ConfigError(f'{self._name}: no longer readable: {error}') from error

    def _index(self, file: BinaryIO) -> None:
        """Finds channels, counts and chunks: in the summary if it is whole, else everywhere."""
        end = file.seek(0, SEEK_END) - _FOOTER_BYTES
        file.seek(max(0, end))
        footer = file.read()
        if end < len(MAGIC) or not footer.endswith(MAGIC) or footer[0] != Opcode.FOOTER:
            raise ConfigError(
                f'{self._name}: cut off, or still being written: it has no end. '
                '`mcap recover` makes a whole file of it'
            )
        start = records.Footer.read(Body(BytesIO(footer[HEAD.size :]), 20)).summary_start
        try:
            whole = self._read_summary(file, start or end, end)
        except DAMAGE:
            whole = False
        if not whole:
            self._scan(file, end)

    def _read_summary(self, file: BinaryIO, start: int, end: int) -> bool:
        """Returns whether the summary tells all that `_scan` would find."""
        told = None
        for op, _, size in self._heads(file, start, end):
            if op == Opcode.CHUNK_INDEX:
                index = records.ChunkIndex.read(Body(file, size))
                if index.chunk_start_offset >= start:
                    return False
                self._chunks[index.chunk_start_offset] = index.message_start_time
            elif op == Opcode.STATISTICS:
                told = records.Statistics.read(Body(file, size))
            else:
                self._learn(op, file, size)
        if told is None:
            return False
        self._counts.update(told.channel_message_counts)
        return (
            told.channel_count <= len(self._channels)
            and told.schema_count <= len(self._types)
            and set(self._schemas.values()) <= {0, *self._types}
            and told.chunk_count == len(self._chunks)
            and self._counts.keys() <= self._channels.keys()
            and self._counts.total() == told.message_count
            and bool(self._chunks) == bool(told.message_count)
        )

    def _scan(self, file: BinaryIO, end: int) -> None:
        """Walks through all data, and unpacks every chunk once to count its messages."""
        self._chunks, self._counts = {}, Counter()
        damage = ''
        for op, at, size in self._heads(file, len(MAGIC), end):
            if op == Opcode.MESSAGE:
                self._bare.extend(place(file, at, size))
            elif op == Opcode.CHUNK:
                at -= HEAD.size
                _, places, wrong = self._opened(file, at, learn=True)
                self._counts.update(places[::4])
                damage = wrong or damage
                if places or wrong:  # which is told when it is read
                    self._chunks[at] = min(places[1::4], default=0)
            elif op == Opcode.DATA_END:
                break
            else:
                self._learn(op, file, size)
        self._counts.update(self._bare[::4])
        if damage and not self._channels:
            raise ValueError(damage)

    def _heads(self, file: BinaryIO, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        for head in heads(file, start, end):
            if self._stopped():
                raise Interrupted
            yield head

    def _opened(self, file: BinaryIO, at: int, learn: bool) -> tuple[BytesIO, array[int], str]:
        """The chunk at byte `at`, unpacked; the places of its messages; what is wrong with it."""
        data, places, wrong = BytesIO(), array('Q'), ''
        try:
            data = BytesIO(unpacked_chunk(file, at))
            for op, start, size in heads(data, 0, data.seek(0, SEEK_END)):
                if op == Opcode.MESSAGE:
                    places.extend(place(data, start, size))
                elif learn:
                    self._learn(op, data, size)
        except DAMAGE as error:
            wrong = str(error)
        return data, places, wrong

    def _learn(self, op: int, file: BinaryIO, size: int) -> None:
        """Takes a schema or a channel; passes over all else."""
        if op == Opcode.SCHEMA:
            schema = records.Schema.read(Body(file, size))
            self._types[schema.id] = modern(schema.name[:MAX_TEXT])
        elif op == Opcode.CHANNEL:
            found = records.Channel.read(Body(file, size, _MAX_CHANNEL_BYTES))
            topic, encoding = found.topic[:MAX_TEXT], found.message_encoding[:MAX_TEXT]
            kept = latched(found.metadata.get('offered_qos_profiles', ''))
            self._channels[found.id] = Channel(found.id, topic, '', encoding, 0, kept)
            self._schemas[found.id] = found.schema_id

    def _by_time(
        self, data: BinaryIO, places: array[int], wanted: Collection[int], lost: Lost
    ) -> Iterator[Message]:
        """Yields the wanted messages at some places in a file, or in a chunk."""
        rows = np.asarray(places).reshape(-1, 4)
        for i in np.argsort(rows[:, 1], kind='stable'):
            channel, stamp_ns, at, size = rows[i].tolist()
            if channel in wanted and size > MAX_BYTES:
                lost(self._channels[channel].topic, f'a message of {size} bytes is left out')
            elif channel in wanted:
                data.seek(at)
                yield channel, stamp_ns, data.read(size)
