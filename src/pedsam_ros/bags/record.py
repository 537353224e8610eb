"""Records live topics into a rosbag2 that `ros2 bag` and Foxglove read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from rclpy.executors import SingleThreadedExecutor
from rclpy.expand_topic_name import expand_topic_name
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.validate_full_topic_name import validate_full_topic_name

from pedsam_ros.bags.message_classes import decoded, message_class
from pedsam_ros.bags.remarks import Remarks
from pedsam_ros.bags.rosbag import BagWriter
from pedsam_ros.core.errors import ConfigError

_DEPTH = 100  # messages kept while the disk is slow
_LOOK_S = 0.1  # how often to look for new topics and for interrupts


class Recorder:
    """Writes the messages of topics unchanged, each with its arrival time by the node's clock.

    It reads a topic that has publishers with the QoS that they offer, and a topic without
    publishers with a QoS that any publisher matches. The thread that spins the node must make it,
    because a BagWriter belongs to one thread. `counts` holds the number of messages by topic.

    A message that cannot be decoded, or that comes while the node's time is 0, is left out.
    `remarks` counts these by topic.
    """

    def __init__(self, node: Node, topics: Mapping[str, str], writer: BagWriter) -> None:
        self.counts: dict[str, int] = {}
        self.remarks = Remarks(node.get_logger().warning)
        self._node, self._writer = node, writer
        self._last_ns = 0
        for topic, type_name in topics.items():
            self.add(topic, type_name)

    def add(self, topic: str, type_name: str) -> None:
        """Records one more topic.

        Raises ConfigError if its name breaks ROS's rules or its type is not installed.
        """
        name, kind = resolved(self._node, topic), message_class(type_name)
        offers = [info.qos_profile for info in self._node.get_publishers_info_by_topic(name)]
        self._writer.declare(
            name, type_name, reliable=_all_reliable(offers), latched=_all_latched(offers)
        )
        self.counts[name] = 0
        write = partial(self._write, name, type_name, kind)
        self._node.create_subscription(kind, name, write, _matching(offers), raw=True)

    def _write(self, topic: str, type_name: str, kind: Any, cdr: bytes) -> None:
        stamp_ns = self._node.get_clock().now().nanoseconds
        try:
            decoded(cdr, kind)
        except ValueError as error:
            self.remarks(topic, f'a message is left out: {error}')
            return
        if stamp_ns <= 0:
            self.remarks(topic, f'a message is left out: it came at ROS time {stamp_ns}')
            return
        if stamp_ns < self._last_ns:
            gap_s = (self._last_ns - stamp_ns) * 1e-9
            self.remarks('ROS time', f'jumped back by {gap_s:.3f} s, and so do stamps in the bag')
        self._last_ns = stamp_ns
        self._writer.write(topic, type_name, stamp_ns, cdr)
        self.counts[topic] += 1


def record(
    node: Node, topics: Iterable[str], writer: BagWriter, stopped: Callable[[], bool]
) -> dict[str, int]:
    """Records topics until `stopped` returns True; returns the number of messages by topic.

    Recording of a topic begins when it has a publisher; with use_sim_time, not before the first
    /clock. A topic whose type is not installed, or that has two types, is left out with an error
    in the log. Raises ConfigError if no topic is left, a name breaks ROS's rules, or the bag
    cannot be written.
    """
    waiting = {resolved(node, topic) for topic in topics}
    recorder = Recorder(node, {}, writer)
    refused: dict[str, str] = {}
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    if _before_time(node):
        node.get_logger().info('use_sim_time: recording begins with the first /clock')
    try:
        while not stopped():
            if not _before_time(node):
                waiting -= _add_present(node, waiting, recorder, refused)
            if refused and not waiting and not recorder.counts:
                raise ConfigError('; '.join(refused.values()))
            executor.spin_once(timeout_sec=_LOOK_S)
    finally:
        executor.shutdown()
        recorder.remarks.sum_up()
    return {**dict.fromkeys([*waiting, *refused], 0), **recorder.counts}


def _before_time(node: Node) -> bool:
    """Whether the node lives in simulated time that has not begun."""
    clock = node.get_clock()
    return bool(clock.ros_time_is_active) and clock.now().nanoseconds <= 0


def resolved(node: Node, topic: str) -> str:
    """The full name of a topic after remapping. Raises ConfigError if it breaks ROS's rules."""
    try:
        full = expand_topic_name(topic, node.get_name(), node.get_namespace())
        validate_full_topic_name(full)
    except ValueError as error:
        raise ConfigError(f'topic={topic!r}: {error}') from error
    return str(node.resolve_topic_name(topic))


def _add_present(
    node: Node, waiting: set[str], recorder: Recorder, refused: dict[str, str]
) -> set[str]:
    """Starts recording the topics that have a publisher by now; returns these topics.

    Those that cannot be recorded go to `refused`, each with the reason.
    """
    present: set[str] = set()
    for topic in waiting:
        types = sorted({info.topic_type for info in node.get_publishers_info_by_topic(topic)})
        if not types:
            continue
        present.add(topic)
        try:
            if len(types) > 1:
                raise ConfigError(f'published as {" and ".join(types)}; one is recordable')
            recorder.add(topic, types[0])
        except ConfigError as error:
            refused[topic] = f'{topic}: {error}'
            node.get_logger().error(f'topic={topic}: not recorded: {error}')
        else:
            node.get_logger().info(f'recording topic={topic}')
    return present


def _matching(offers: list[QoSProfile]) -> QoSProfile:
    """The strongest QoS that all publishers offer.

    Without publishers it is best effort and volatile, which matches whatever may come.
    """
    profile = QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=_DEPTH,
        reliability=ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.VOLATILE,
    )
    if offers and _all_reliable(offers):
        profile.reliability = ReliabilityPolicy.RELIABLE
    if _all_latched(offers):
        profile.durability = DurabilityPolicy.TRANSIENT_LOCAL
    return profile


def _all_reliable(offers: list[QoSProfile]) -> bool:
    """Also True if nobody offers yet, since ROS's publishers are reliable by default."""
    return all(each.reliability == ReliabilityPolicy.RELIABLE for each in offers)


def _all_latched(offers: list[QoSProfile]) -> bool:
    latched = DurabilityPolicy.TRANSIENT_LOCAL
    return bool(offers) and all(each.durability == latched for each in offers)
