"""Reads a sqlite3 file of rosbag2 by time, one message at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from pedsam_ros.bags.channels import CDR, MAX_TEXT, Channel, Lost, latched, modern
from pedsam_ros.bags.unpacking import MAX_BYTES, Interrupted, Stopped, never
from pedsam_ros.core.errors import ConfigError

MAGIC = b'SQLite format 3\0'
_MAX_TOPICS = 10000
_LOOK = 10**5  # steps of SQLite's machine, about a millisecond, between two looks at `stopped`
_ONE = (
    'SELECT length(data), CASE WHEN length(data) <= ? THEN CAST(data AS BLOB) END '
    'FROM messages WHERE rowid = ?'
)
_LATER = ('-wal', '-journal')  # suffixes of files with changes that are not in the database yet


class SqliteFile:
    """A sqlite3 file of rosbag2, which errors call `name`; it may still be written (WAL).

    Raises ConfigError if it is damaged, locked or no bag, Interrupted once `stopped` returns True.
    """

    def __init__(self, path: Path, name: str, stopped: Stopped = never) -> None:
        self._path, self._name, self._stopped = path, name, stopped
        self._channels = self._read_channels()

    def channels(self) -> list[Channel]:
        """The topics of the file, with the number of messages of each."""
        return self._channels

    def messages(self, wanted: Collection[int], lost: Lost) -> Iterator[tuple[int, int, bytes]]:
        """Yields (channel, stamp in ns, data) of these channels by time.

        `lost` is told of those left out. Raises ConfigError, Interrupted.
        """
        names = {each.id: each.topic for each in self._channels}
        marks = ','.join('?' * len(wanted))
        # Sorting whole messages would fill memory or disk where there is no index of stamps.
        query = f'SELECT rowid, topic_id, timestamp FROM messages WHERE topic_id IN ({marks})'
        with self._open() as database:
            for row, channel, stamp_ns in database.execute(
                f'{query} ORDER BY timestamp, rowid', tuple(wanted)
            ):
                size, data = database.execute(_ONE, (MAX_BYTES, row)).fetchone() or (None, None)
                if isinstance(stamp_ns, int) and data is not None:
                    yield channel, stamp_ns, data
                else:
                    lost(names[channel], f'left out: message {row}, {size} bytes, at {stamp_ns!r}')

    def _read_channels(self) -> list[Channel]:
        with self._open() as database:
            kinds = database.execute(
                "SELECT type FROM sqlite_master WHERE name IN ('messages', 'topics')"
            ).fetchall()
            if kinds != [('table',)] * 2:
                raise ConfigError(f'{self._name}: no bag: it has no tables messages and topics')
            columns = {row[1] for row in database.execute('PRAGMA table_info(topics)')}
            profiles = 'offered_qos_profiles' if 'offered_qos_profiles' in columns else "''"
            counts = dict(
                database.execute('SELECT topic_id, count(*) FROM messages GROUP BY topic_id')
            )
            rows = database.execute(
                f'SELECT id, name, type, serialization_format, {profiles} FROM topics ORDER BY id'
            ).fetchmany(_MAX_TOPICS + 1)
        if len(rows) > _MAX_TOPICS:
            raise ConfigError(f'{self._name}: over {_MAX_TOPICS} topics')
        return [
            Channel(
                each, _text(name), modern(_text(kind)), _text(encoding) or CDR,
                counts.get(each, 0), latched(str(offered)),
            )
            for each, name, kind, encoding, offered in rows
        ]  # fmt: skip

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        later = any(self._path.with_name(self._path.name + end).exists() for end in _LATER)
        address = f'{self._path.absolute().as_uri()}?mode=ro' + ('' if later else '&immutable=1')
        try:
            with closing(sqlite3.connect(address, uri=True)) as database:
                database.set_progress_handler(self._stopped, _LOOK)
                database.text_factory = lambda text: text.decode(errors='replace')
                yield database
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter of damaged names
            if self._stopped():
                raise Interrupted from error
            raise ConfigError(f'{self._name}: not readable as a bag: {error}') from error


def _text(value: object) -> str:
    return str(value)[:MAX_TEXT]
