"""Publishes a bag's messages again, with the timing of the recording."""

from __future__ import annotations

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from rclpy.duration import Duration
from rclpy.node import Node
from rosgraph_msgs.msg import Clock
from tqdm import tqdm

from pedsam_ros.bags.message_classes import decoded
from pedsam_ros.bags.playable import CLOCK, parts_of
from pedsam_ros.bags.remarks import Remarks
from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.bags.rosbag import Bag, Record
from pedsam_ros.bags.timeline import Pace, timeline
from pedsam_ros.bags.unpacking import Interrupted
from pedsam_ros.core.errors import ConfigError

_ALONE_NS = 10**9  # pause between two passes of a loop if all messages have the same stamp
_LOOK_S = 0.01  # how often to look for readers
_FLUSH_S = 2.0  # longest wait until the readers of a topic have its last messages
_END_NS = 2**31 * 10**9  # ROS counts seconds in an int32


def replay(node: Node, bag: Path, config: ReplayConfig, stopped: Callable[[], bool]) -> int:
    """Publishes a bag with its timing, up to its end or until `stopped` returns True.

    Returns the number of messages published. Topics that cannot be played are left out with a
    warning, and so are messages that cannot be decoded. Raises ConfigError if the bag cannot be
    read, a topic chosen by name cannot be played, no topic can, or no message can be decoded.
    """
    with suppress(Interrupted), Bag(bag, stopped) as opened:
        player = _Player(node, opened, config, stopped)
        player.wait_for_readers()
        player.play()
        while config.loop and not stopped():
            player.play()
        player.flush()
        return player.published
    return 0  # it was stopped while the bag was opened


def restamped(cdr: bytes, now_ns: int) -> bytes:
    """The serialised message with a new stamp; it must begin with a std_msgs/Header."""
    order = '<' if cdr[1] & 1 else '>'
    return cdr[:4] + struct.pack(f'{order}iI', *divmod(now_ns, 10**9)) + cdr[12:]


class _Player:
    """The publishers of one replay; `published` counts their messages."""

    def __init__(
        self, node: Node, bag: Bag, config: ReplayConfig, stopped: Callable[[], bool]
    ) -> None:
        self.published = 0
        self._node, self._bag, self._config, self._stopped = node, bag, config, stopped
        self._warn: Callable[[str], None] = node.get_logger().warning
        self._remarks = Remarks(self._warn)
        self._parts = parts_of(node, bag, config, self._warn)
        self._count = sum(bag.contents[topic].messages for topic in self._parts)
        self._clock = node.create_publisher(Clock, CLOCK, 10) if config.clock_hz else None

    def wait_for_readers(self) -> None:
        """Waits until each topic has a reader, at most `wait_s` seconds."""
        deadline_s = time.monotonic() + self._config.wait_s
        while (alone := self._unread()) and not self._stopped():
            if time.monotonic() >= deadline_s:
                break
            time.sleep(_LOOK_S)
        if alone and self._config.wait_s:
            self._warn(f'no reader yet: topics={",".join(alone)}')

    def play(self) -> None:
        """Plays the bag once; in a loop it then waits for the mean gap between two messages.

        Raises ConfigError if there is nothing to publish, which a loop would repeat without rest.
        """
        tick_ns = round(1e9 * self._config.rate / self._config.clock_hz) if self._clock else 0
        due_ns, pace = 0, None
        with tqdm(total=self._count, unit='msg', disable=None) as bar:
            for step in timeline(self._records(), tick_ns, self._remarks):
                pace = pace or Pace(self._config.rate, self._stopped)
                due_ns = step.due_ns
                if not pace.wait_for(due_ns):
                    return
                self._publish(step.stamp_ns, step.record)
                bar.update(step.record is not None)
        if self._stopped():
            return
        if pace is None:
            raise ConfigError(f'{self._bag.path}: no message can be decoded')
        if self._config.loop:
            pace.wait_for(due_ns + (due_ns // max(1, self._count - 1) or _ALONE_NS))

    def flush(self) -> None:
        """Waits until reliable readers have the last messages; only then may publishers end."""
        self._remarks.sum_up()
        if self._config.reliability == 'reliable' and not self._stopped():
            for part in self._parts.values():
                part.publisher.wait_for_all_acked(Duration(seconds=_FLUSH_S))

    def _records(self) -> Iterator[Record]:
        """The messages that can be decoded, until it is stopped."""
        with suppress(Interrupted):
            for record in self._bag.records(self._parts, self._remarks):
                if self._stopped():
                    return
                try:
                    decoded(record.cdr, self._parts[record.topic].kind)
                except ValueError as error:
                    self._remarks(record.topic, f'a message is left out: {error}')
                else:
                    yield record

    def _unread(self) -> list[str]:
        return [
            topic
            for topic, part in self._parts.items()
            if not part.publisher.get_subscription_count()
        ]

    def _publish(self, stamp_ns: int, record: Record | None) -> None:
        """Publishes a record on its topic; None means a tick of the clock."""
        if record is not None:
            part = self._parts[record.topic]
            again = part.restamped
            part.publisher.publish(restamped(record.cdr, time.time_ns()) if again else record.cdr)
            self.published += 1
        elif self._clock is not None and 0 <= stamp_ns < _END_NS:
            now = Clock()
            now.clock.sec, now.clock.nanosec = divmod(stamp_ns, 10**9)
            self._clock.publish(now)
