"""Publishes a bag's messages again, with the timing of the recording."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.time import Time
from rosgraph_msgs.msg import Clock
from tqdm import tqdm

from pedsam_ros.bags.command_node import message_class
from pedsam_ros.bags.message_types import begins_with_header
from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.bags.rosbag import Content, Record, contents_of, read_bag
from pedsam_ros.core.errors import ConfigError

_ALONE_NS = 10**9  # pause between two passes of a loop if all messages have the same stamp
_NAP_S = 0.1  # longest wait before looking at `stopped` again
_KEPT = DurabilityPolicy.TRANSIENT_LOCAL
_FLUSH_S = 2.0  # longest wait until the readers of a topic have its last messages


def replay(node: Node, bag: Path, config: ReplayConfig, stopped: Callable[[], bool]) -> int:
    """Publishes a bag with its timing, up to its end or until `stopped` returns True.

    Returns the number of messages published. Raises ConfigError if the bag cannot be read, has no
    message on the chosen topics, or a type is not installed.
    """
    player = _Player(node, bag, config, stopped)
    player.wait_for_readers()
    player.play()
    while config.loop and not stopped():
        player.play()
    player.flush()
    return player.published


def timeline(records: Iterable[Record], tick_ns: int) -> Iterator[tuple[int, Record | None]]:
    """Yields (bag time in ns, record) for each record, and (bag time in ns, None) for each tick.

    Ticks of the clock are `tick_ns` apart and begin with the first record; `tick_ns` 0 means that
    there is no clock.
    """
    tick: int | None = None
    for record in records:
        tick = record.stamp_ns if tick is None else tick
        while tick_ns and tick <= record.stamp_ns:
            yield tick, None
            tick += tick_ns
        yield record.stamp_ns, record


class Pace:
    """Maps bag time to the steady clock, from the first message on.

    A message that is late does not delay those after it.
    """

    def __init__(self, first_ns: int, rate: float, stopped: Callable[[], bool]) -> None:
        self._first_ns, self._rate, self._stopped = first_ns, rate, stopped
        self._start_ns = time.monotonic_ns()

    def mean_gap_ns(self, last_ns: int, count: int) -> int:
        """The mean gap in bag time between `count` messages, the last of them at `last_ns`."""
        gap_ns = (last_ns - self._first_ns) // max(1, count - 1)
        return gap_ns if gap_ns > 0 else _ALONE_NS

    def wait_for(self, stamp_ns: int) -> bool:
        """Sleeps until `stamp_ns` is due; returns False if stopped before."""
        due_ns = self._start_ns + (stamp_ns - self._first_ns) / self._rate
        while not self._stopped():
            left_s = (due_ns - time.monotonic_ns()) * 1e-9
            if left_s <= 0:
                return True
            time.sleep(min(left_s, _NAP_S))
        return False


def restamped(cdr: bytes, now_ns: int) -> bytes:
    """The serialised message with a new stamp; it must begin with a std_msgs/Header."""
    order = '<' if cdr[1] & 1 else '>'
    return cdr[:4] + struct.pack(f'{order}iI', *divmod(now_ns, 10**9)) + cdr[12:]


class _Player:
    """The publishers of one replay; `published` counts their messages."""

    def __init__(
        self, node: Node, bag: Path, config: ReplayConfig, stopped: Callable[[], bool]
    ) -> None:
        self.published = 0
        self._node, self._bag, self._config, self._stopped = node, bag, config, stopped
        contents = contents_of(bag, config.topics)
        self._count = sum(content.messages for content in contents.values())
        if not self._count:
            raise ConfigError(f'{bag}: no message on {", ".join(contents) or "any topic"}')
        types = {topic: content.type_name for topic, content in contents.items()}
        self._restamped = {
            topic for topic, name in types.items() if config.restamp and begins_with_header(name)
        }
        self._publishers = {
            topic: self._publisher(topic, each) for topic, each in contents.items()
        }
        self._clock = node.create_publisher(Clock, '/clock', 10) if config.clock_hz else None

    def wait_for_readers(self) -> None:
        """Waits until each topic has a reader, at most `wait_s` seconds."""
        deadline_s = time.monotonic() + self._config.wait_s
        while (alone := self._unread()) and not self._stopped():
            if time.monotonic() >= deadline_s:
                break
            time.sleep(_NAP_S / 10)
        if alone and self._config.wait_s:
            self._node.get_logger().warning(f'no reader yet: topics={",".join(alone)}')

    def play(self) -> None:
        """Plays the bag once; in a loop it then waits for the mean gap between two messages."""
        tick_ns = round(1e9 * self._config.rate / self._config.clock_hz) if self._clock else 0
        records = read_bag(self._bag, self._config.topics)
        pace = None
        with tqdm(total=self._count, unit='msg', disable=None) as bar:
            for stamp_ns, record in timeline(records, tick_ns):
                if pace is None:
                    pace = Pace(stamp_ns, self._config.rate, self._stopped)
                if not pace.wait_for(stamp_ns):
                    return
                self._publish(stamp_ns, record)
                bar.update(record is not None)
        if self._config.loop and pace is not None:
            pace.wait_for(stamp_ns + pace.mean_gap_ns(stamp_ns, self._count))

    def flush(self) -> None:
        """Waits until reliable readers have the last messages; only then may publishers end."""
        if self._config.reliability == 'reliable' and not self._stopped():
            for publisher in self._publishers.values():
                publisher.wait_for_all_acked(Duration(seconds=_FLUSH_S))

    def _unread(self) -> list[str]:
        return [
            topic
            for topic, publisher in self._publishers.items()
            if not publisher.get_subscription_count()
        ]

    def _publish(self, stamp_ns: int, record: Record | None) -> None:
        """Publishes a record on its topic; None means a tick of the clock."""
        if record is not None:
            cdr = record.cdr
            if record.topic in self._restamped:
                cdr = restamped(cdr, time.time_ns())
            self._publishers[record.topic].publish(cdr)
            self.published += 1
        elif self._clock is not None:
            self._clock.publish(Clock(clock=Time(nanoseconds=stamp_ns).to_msg()))

    def _publisher(self, topic: str, content: Content) -> Publisher:
        reliable = self._config.reliability == 'reliable'
        profile = QoSProfile(
            history=HistoryPolicy.KEEP_LAST,
            depth=self._config.depth,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=_KEPT if content.latched else DurabilityPolicy.VOLATILE,
        )
        try:
            return self._node.create_publisher(message_class(content.type_name), topic, profile)
        except ValueError as error:
            raise ConfigError(f'{self._bag}: topic {topic!r}: {error}') from error
