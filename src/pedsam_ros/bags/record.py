"""Records live topics into a rosbag2 that `ros2 bag` and Foxglove read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial

from rclpy.executors import SingleThreadedExecutor
from rclpy.expand_topic_name import expand_topic_name
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.validate_full_topic_name import validate_full_topic_name

from pedsam_ros.bags.command_node import message_class
from pedsam_ros.bags.rosbag import BagWriter
from pedsam_ros.core.errors import ConfigError

_DEPTH = 100  # messages kept while the disk is slow
_LOOK_S = 0.1  # how often to look for new topics and for interrupts


class Recorder:
    """Writes the messages of topics unchanged, each with its arrival time by the node's clock.

    It reads a topic that has publishers with the QoS that they offer, and a topic without
    publishers with a QoS that any publisher matches. The thread that spins the node must make it,
    because a BagWriter belongs to one thread. `counts` holds the number of messages by topic.
    """

    def __init__(self, node: Node, topics: Mapping[str, str], writer: BagWriter) -> None:
        self.counts: dict[str, int] = {}
        self._node, self._writer = node, writer
        for topic, type_name in topics.items():
            self.add(topic, type_name)

    def add(self, topic: str, type_name: str) -> None:
        """Records one more topic.

        Raises ConfigError if its name breaks ROS's rules or its type is not installed.
        """
        name = resolved(self._node, topic)
        offers = [info.qos_profile for info in self._node.get_publishers_info_by_topic(name)]
        self._writer.declare(
            name, type_name, reliable=_all_reliable(offers), latched=_all_latched(offers)
        )
        self.counts[name] = 0
        write = partial(self._write, name, type_name)
        self._node.create_subscription(
            message_class(type_name), name, write, _matching(offers), raw=True
        )

    def _write(self, topic: str, type_name: str, cdr: bytes) -> None:
        stamp_ns = self._node.get_clock().now().nanoseconds
        self._writer.write(topic, type_name, stamp_ns, cdr)
        self.counts[topic] += 1


def record(
    node: Node, topics: Iterable[str], writer: BagWriter, stopped: Callable[[], bool]
) -> dict[str, int]:
    """Records topics until `stopped` returns True; returns the number of messages by topic.

    Recording of a topic begins when it has a publisher. Raises ConfigError if a name breaks ROS's
    rules, a topic's type is not installed, a topic has two types, or the bag cannot be written.
    """
    waiting = {resolved(node, topic) for topic in topics}
    recorder = Recorder(node, {}, writer)
    executor = SingleThreadedExecutor(context=node.context)
    executor.add_node(node)
    try:
        while not stopped():
            waiting -= _add_present(node, waiting, recorder)
            executor.spin_once(timeout_sec=_LOOK_S)
    finally:
        executor.shutdown()
    return {**dict.fromkeys(waiting, 0), **recorder.counts}


def resolved(node: Node, topic: str) -> str:
    """The full name of a topic after remapping. Raises ConfigError if it breaks ROS's rules."""
    try:
        full = expand_topic_name(topic, node.get_name(), node.get_namespace())
        validate_full_topic_name(full)
    except ValueError as error:
        raise ConfigError(f'topic={topic!r}: {error}') from error
    return str(node.resolve_topic_name(topic))


def _add_present(node: Node, waiting: set[str], recorder: Recorder) -> set[str]:
    """Starts recording the topics that have a publisher by now; returns these topics."""
    present: set[str] = set()
    for topic in waiting:
        types = {info.topic_type for info in node.get_publishers_info_by_topic(topic)}
        if len(types) > 1:
            raise ConfigError(
                f'{topic}: published as {" and ".join(sorted(types))}; one is recordable'
            )
        if types:
            recorder.add(topic, types.pop())
            present.add(topic)
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
