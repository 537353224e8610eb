"""Reads and writes rosbag2 files without rosbag2. Messages stay serialised."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
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
from rosbags.rosbag2 import StoragePlugin, Writer, WriterError

from pedsam_ros.bags.bag_files import files_of, opened
from pedsam_ros.bags.channels import CDR, Channel, Content, Lost, contents, kind_of
from pedsam_ros.bags.message_types import typestore_with
from pedsam_ros.bags.unpacking import MAX_BAG_BYTES, ZSTD_MAGIC, Stopped, never, unpacked
from pedsam_ros.core.errors import ConfigError

STORAGES = ('mcap', 'sqlite3')
_VERSION: Literal[8] = 8  # of metadata.yaml: the newest that Humble's rosbag2 reads
_FOREVER = QosTime(9223372036, 854775807)  # how ROS spells "no deadline"


class Record(NamedTuple):
    """One serialised message of a bag."""

    topic: str
    type_name: str
    stamp_ns: int
    cdr: bytes


class BagWriter:
    """Writes a rosbag2: a folder with metadata.yaml and one file, complete after the `with`.

    If the process is killed before, metadata.yaml is missing; `mcap recover` gets back all but the
    last MB, while sqlite3 keeps nothing. The same thread must make, use and close it, because of
    sqlite3. Raises ConfigError if `path` exists or cannot be written, or `storage` is unknown.
    """

    def __init__(self, path: Path, storage: str = 'mcap') -> None:
        if storage not in STORAGES:
            raise ConfigError(f'storage={storage!r}: one of {", ".join(STORAGES)}')
        self.path = path
        plugin = StoragePlugin[storage.upper()]
        with _write_errors(path):
            if path.exists():
                raise ConfigError(f'{path}: exists already; a bag is never overwritten')
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


class Bag:
    """A bag to read: a rosbag2 folder, or one .mcap or .db3 file, each also packed with zstd.

    Opening it reads no message. Raises ConfigError if it is missing, damaged or not a bag.
    `contents` says what it holds of each topic. It must be closed: files that were packed as a
    whole are unpacked into a temporary folder until then. Opening and reading raise Interrupted
    once `stopped` returns True, which is asked where they take long.
    """

    def __init__(self, path: Path, stopped: Stopped = never) -> None:
        self.path = path
        self._folder = TemporaryDirectory(prefix='pedsam-bag-')
        try:
            self._files = []
            left = MAX_BAG_BYTES
            for file in files_of(path):
                reader, size = opened(file, Path(self._folder.name), left, stopped)
                self._files.append(reader)
                left -= size
        except BaseException:
            self.close()
            raise
        self._channels = [file.channels() for file in self._files]
        self.contents = contents([each for file in self._channels for each in file])

    def __enter__(self) -> Bag:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Removes what was unpacked."""
        self._folder.cleanup()

    def records(self, topics: Collection[str], lost: Lost | None = None) -> Iterator[Record]:
        """Yields the messages of topics by time, file after file.

        What is damaged is left out, and `lost` is told; without `lost` it raises ConfigError.
        Raises ConfigError too if a topic is not there, or is not serialised as CDR.
        """
        for topic in topics:
            if self.of(topic).encoding != CDR:
                raise ConfigError(f'{self.path}: {topic} is {self.of(topic).encoding!r}, not CDR')
        tell = lost or _refuse
        for file, channels in zip(self._files, self._channels, strict=True):
            wanted = {each.id: each for each in channels if self._wants(each, topics)}
            for number, stamp_ns, data in file.messages(wanted, tell) if wanted else ():
                topic, kind = wanted[number].topic, wanted[number].type_name
                try:
                    # CDR never begins like this; a file alone does not say that it is compressed.
                    cdr = unpacked(data, 'zstd') if data.startswith(ZSTD_MAGIC) else data
                except ValueError as error:
                    tell(topic, f'a compressed message is left out: {error}')
                else:
                    yield Record(topic, kind, stamp_ns, cdr)

    def of(self, topic: str) -> Content:
        """What the bag holds of a topic. Raises ConfigError if it is not there."""
        if topic not in self.contents:
            listed = ', '.join(sorted(self.contents)) or 'none'
            raise ConfigError(f'{self.path}: no topic {topic!r}; there are: {listed}')
        return self.contents[topic]

    def _wants(self, channel: Channel, topics: Collection[str]) -> bool:
        content = self.contents[channel.topic]
        return channel.topic in topics and kind_of(channel) == (
            content.type_name,
            content.encoding,
        )


def contents_of(path: Path, topics: Collection[str] | None = None) -> dict[str, Content]:
    """What a bag holds of each of `topics`, or of all. Raises ConfigError as `read_bag`."""
    with Bag(path) as bag:
        return {topic: bag.of(topic) for topic in (bag.contents if topics is None else topics)}


def topics_of(path: Path) -> dict[str, str]:
    """The type of each topic of a bag. Raises ConfigError as `read_bag`."""
    return {topic: content.type_name for topic, content in contents_of(path).items()}


def read_bag(
    path: Path, topics: Collection[str] | None = None, lost: Lost | None = None
) -> Iterator[Record]:
    """Yields the messages of `topics`, or of all topics in CDR, by time.

    Raises ConfigError if `path` is no bag that `Bag` opens, and as `Bag.records`.
    """
    with Bag(path) as bag:
        if topics is None:
            topics = [topic for topic, each in bag.contents.items() if each.encoding == CDR]
        yield from bag.records(topics, lost)


def _refuse(where: str, what: str) -> None:
    raise ConfigError(f'{where}: {what}')


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
