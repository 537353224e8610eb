"""Reads and writes rosbag2 files without rosbag2. Messages stay serialised."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Literal, NamedTuple

from rosbags.interfaces import (
    Connection,
    Qos,
    QosDurability,
    QosHistory,
    QosLiveliness,
    QosReliability,
    QosTime,
)
from rosbags.rosbag2 import Reader, StoragePlugin, Writer, WriterError

from pedsam_ros.bags.message_types import typestore_with
from pedsam_ros.core.errors import ConfigError, PedsamError

STORAGES = ('mcap', 'sqlite3')
_VERSION: Literal[8] = 8  # of metadata.yaml: the newest that Humble's rosbag2 reads
_FOREVER = QosTime(9223372036, 854775807)  # how ROS spells "no deadline"


class Record(NamedTuple):
    """One serialised message of a bag."""

    topic: str
    type_name: str
    stamp_ns: int
    cdr: bytes


class Content(NamedTuple):
    """What a bag holds of one topic."""

    type_name: str
    messages: int
    latched: bool  # late readers get earlier messages too (transient local)


class BagWriter:
    """Writes a rosbag2: a folder with metadata.yaml and one file, complete after the `with`.

    If the process is killed before, metadata.yaml is missing; `mcap recover` gets back all but the
    last MB, while sqlite3 keeps nothing. The same thread must make, use and close it, because of
    sqlite3. Raises ConfigError if `path` exists or cannot be written, or `storage` is unknown.
    """

    def __init__(self, path: Path, storage: str = 'mcap') -> None:
        if storage not in STORAGES:
            raise ConfigError(f'storage={storage!r}: one of {", ".join(STORAGES)}')
        if path.exists():
            raise ConfigError(f'{path}: exists already; a bag is never overwritten')
        self.path = path
        plugin = StoragePlugin[storage.upper()]
        self._writer = Writer(path, version=_VERSION, storage_plugin=plugin)
        self._connections: dict[str, Connection] = {}

    def __enter__(self) -> BagWriter:
        with _write_errors(self.path):
            self._writer.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with _write_errors(self.path):
            # If the writer knew of the caller's error, it would throw the bag away.
            self._writer.__exit__(None, None, None)

    def declare(
        self, topic: str, type_name: str, *, reliable: bool = True, latched: bool = False
    ) -> Connection:
        """Adds a topic, even if no message follows, with the QoS that its publisher offers.

        The first call for a topic decides. Raises ConfigError if the type is unknown, or is not
        the one of the first call.
        """
        known = self._connections.get(topic)
        if known is None:
            known = self._connections[topic] = self._connect(
                topic, type_name, _offered(reliable, latched)
            )
        if known.msgtype != type_name:
            raise ConfigError(f'{topic}: {type_name} after {known.msgtype}; a topic has one type')
        return known

    def write(self, topic: str, type_name: str, stamp_ns: int, cdr: bytes | memoryview) -> None:
        """Appends a serialised message.

        Raises ConfigError if the topic has another type, the stamp is out of range, or the disk is
        full.
        """
        if not 0 <= stamp_ns < 2**63:
            raise ConfigError(f'{topic}: stamp={stamp_ns} ns: from 0 to 2^63 - 1')
        connection = self.declare(topic, type_name)
        with _write_errors(self.path):
            self._writer.write(connection, stamp_ns, cdr)

    def _connect(self, topic: str, type_name: str, offered: Qos) -> Connection:
        store = typestore_with(type_name)
        try:
            with _write_errors(self.path):
                return self._writer.add_connection(
                    topic, type_name, typestore=store, offered_qos_profiles=[offered]
                )
        except KeyError as error:  # rosbags has no wstring
            raise ConfigError(f'{topic}: {type_name}: rosbags has no {error} fields') from error


def contents_of(path: Path, topics: Collection[str] | None = None) -> dict[str, Content]:
    """What a bag holds of each of `topics`, or of all. Raises ConfigError as `read_bag`."""
    with _reading(path) as reader:
        chosen = _chosen(reader.connections, path, topics)
        messages, latched = Counter[str](), Counter[str]()
        for each in chosen:
            messages[each.topic] += each.msgcount
            latched[each.topic] += _latched(each)
        return {
            each.topic: Content(each.msgtype, messages[each.topic], latched[each.topic] > 0)
            for each in chosen
        }


def topics_of(path: Path) -> dict[str, str]:
    """The type of each topic of a bag. Raises ConfigError as `read_bag`."""
    return {topic: content.type_name for topic, content in contents_of(path).items()}


def read_bag(path: Path, topics: Collection[str] | None = None) -> Iterator[Record]:
    """Yields the messages of `topics`, or of all topics, by time.

    `path` is a rosbag2 folder or one .mcap or .db3 file. Raises ConfigError if it is missing,
    damaged or not a bag, or if one of the topics is not in it.
    """
    with _reading(path) as reader:
        chosen = _chosen(reader.connections, path, topics)
        for connection, stamp_ns, cdr in reader.messages(chosen) if chosen else ():
            yield Record(connection.topic, connection.msgtype, stamp_ns, bytes(cdr))


def _latched(connection: Connection) -> bool:
    offered = getattr(connection.ext, 'offered_qos_profiles', ())
    return any(qos.durability == QosDurability.TRANSIENT_LOCAL for qos in offered)


def _chosen(
    connections: list[Connection], path: Path, topics: Collection[str] | None
) -> list[Connection]:
    there = {each.topic for each in connections}
    for topic in topics or ():
        if topic not in there:
            listed = ', '.join(sorted(there)) or 'none'
            raise ConfigError(f'{path}: no topic {topic!r}; there are: {listed}')
    return [each for each in connections if topics is None or each.topic in topics]


@contextmanager
def _reading(path: Path) -> Iterator[Reader]:
    if not path.exists():
        raise ConfigError(f'{path}: no such bag')
    try:
        with Reader(path) as reader:
            yield reader
    except PedsamError:
        raise
    except Exception as error:  # damaged bytes make rosbags' parsers raise nearly anything
        raise ConfigError(f'{path}: not a readable bag: {error}') from error


@contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, sqlite3.Error, WriterError) as error:
        raise ConfigError(f'{path}: cannot be written: {error}') from error


def _offered(reliable: bool, latched: bool) -> Qos:
    return Qos(
        history=QosHistory.KEEP_LAST,
        depth=10,
        reliability=QosReliability.RELIABLE if reliable else QosReliability.BEST_EFFORT,
        durability=QosDurability.TRANSIENT_LOCAL if latched else QosDurability.VOLATILE,
        deadline=_FOREVER,
        lifespan=_FOREVER,
        liveliness=QosLiveliness.AUTOMATIC,
        liveliness_lease_duration=_FOREVER,
        avoid_ros_namespace_conventions=False,
    )
