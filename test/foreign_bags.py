"""Bags as other tools write them: foreign topics, every way to compress, old tables, damage."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from backports import zstd
from mcap.writer import CompressionType, Writer
from rclpy.serialization import serialize_message
from std_msgs.msg import String

STRING = 'std_msgs/msg/String'
Rows = Sequence[tuple[int, bytes]]  # stamp in ns, data
_OLD_TABLES = """
CREATE TABLE topics(id INTEGER PRIMARY KEY, name TEXT, type TEXT, serialization_format TEXT);
CREATE TABLE messages(id INTEGER PRIMARY KEY, topic_id INTEGER, timestamp INTEGER, data BLOB);
"""


def string_cdr(text: str) -> bytes:
    """A std_msgs/String, serialised."""
    return bytes(serialize_message(String(data=text)))


def bomb(size: int) -> bytes:
    """A few kB of zstd that become a String of `size` bytes; nothing of that size is made here."""
    head = b'\0\1\0\0' + (size - 8).to_bytes(4, 'little')
    packer, block = zstd.ZstdCompressor(), bytes(2**20)
    parts = [packer.compress(head)]
    parts += [packer.compress(block) for _ in range(size // len(block))]
    return b''.join([*parts, packer.flush()])


def mcap(
    path: Path,
    topics: Mapping[str, tuple[str, str, Rows]],
    compression: CompressionType = CompressionType.NONE,
    profile: str = 'ros2',
    **how: Any,
) -> Path:
    """Writes topic -> (type, encoding, rows) as an mcap file, with an attachment."""
    with path.open('wb') as stream:
        writer = Writer(stream, compression=compression, **how)
        writer.start(profile=profile, library='test')
        writer.add_attachment(1, 1, 'notes.txt', 'text/plain', b'notes')
        writer.add_metadata('about', {'robot': 'none'})
        for topic, (kind, encoding, rows) in topics.items():
            schema = writer.register_schema(
                kind, encoding, b'\xff\xfe'
            )  # as a protobuf's: no text
            channel = writer.register_channel(topic, encoding, schema)
            for stamp_ns, data in rows:
                writer.add_message(channel, stamp_ns, data, stamp_ns)
        writer.finish()
    return path


def sqlite(path: Path, topics: Mapping[str, tuple[str, Rows]], journal: str = 'DELETE') -> Any:
    """Writes topic -> (type, rows) with the tables of ROS 2's first bags; returns the database."""
    database = sqlite3.connect(path)
    database.execute(f'PRAGMA journal_mode={journal}')
    database.executescript(_OLD_TABLES)
    for number, (topic, (kind, rows)) in enumerate(topics.items(), 1):
        database.execute('INSERT INTO topics VALUES (?, ?, ?, ?)', (number, topic, kind, 'cdr'))
        database.executemany(
            'INSERT INTO messages(topic_id, timestamp, data) VALUES (?, ?, ?)',
            [(number, stamp_ns, data) for stamp_ns, data in rows],
        )
    database.commit()
    return database
