"""Which topics of a bag can be played, and why the others cannot."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

from rclpy.exceptions import NameValidationException
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.validate_topic_name import validate_topic_name

from pedsam_ros.bags.channels import CDR, Content
from pedsam_ros.bags.message_classes import begins_with_header, message_class
from pedsam_ros.bags.replay_config import ReplayConfig
from pedsam_ros.bags.rosbag import Bag
from pedsam_ros.core.errors import ConfigError

CLOCK = '/clock'
_KEPT = DurabilityPolicy.TRANSIENT_LOCAL


class Part(NamedTuple):
    """A topic that is played."""

    publisher: Publisher
    kind: type  # class of its messages
    restamped: bool


def parts_of(
    node: Node, bag: Bag, config: ReplayConfig, warn: Callable[[str], None]
) -> dict[str, Part]:
    """Makes a publisher for each topic that is wanted and can be played; warns of the others.

    Topics without messages are passed over in silence. Raises ConfigError if a topic that is
    wanted by name cannot be played, or none can.
    """
    chosen = config.topics is not None
    parts: dict[str, Part] = {}
    empty: dict[str, str] = {}
    wrong: dict[str, str] = {}
    for topic, content in {t: bag.of(t) for t in config.topics or bag.contents}.items():
        if not content.messages:
            empty[topic] = 'no message'
            continue
        try:
            parts[topic] = _part(node, topic, content, config)
        except ConfigError as error:
            wrong[topic] = str(error)
    if (chosen and wrong) or not parts:
        told = '; '.join(f'{topic}: {why}' for topic, why in {**wrong, **empty}.items())
        others = _others(bag, config) if chosen else ''
        raise ConfigError(f'{bag.path}: cannot be played: {told or "it has no topic"}{others}')
    for topic, why in {**wrong, **(empty if chosen else {})}.items():
        warn(f'topic={topic}: left out: {why}')
    for topic in parts:
        for other in bag.contents[topic].others:
            warn(f'topic={topic}: its messages of another type are left out: {other}')
    return parts


def _others(bag: Bag, config: ReplayConfig) -> str:
    """Names the topics that can be played, as the end of an error."""
    good = []
    for topic, content in bag.contents.items():
        with suppress(ConfigError):
            _class_of(topic, content, config)
            good += [topic] if content.messages else []
    return f'; what can be: {", ".join(good) or "nothing"}'


def _class_of(topic: str, content: Content, config: ReplayConfig) -> Any:
    """The class of a topic's messages. Raises ConfigError if they cannot be played."""
    if content.encoding != CDR:
        raise ConfigError(f'serialised as {content.encoding!r}, not as {CDR!r}')
    if config.clock_hz and f'/{topic.lstrip("/")}' == CLOCK:
        raise ConfigError('--clock publishes there already')
    try:
        validate_topic_name(topic)
    except NameValidationException as error:
        raise ConfigError(str(error).partition('\n')[0]) from error
    return message_class(content.type_name)


def _part(node: Node, topic: str, content: Content, config: ReplayConfig) -> Part:
    """Raises ConfigError if the topic cannot be played."""
    kind = _class_of(topic, content, config)
    reliable = config.reliability == 'reliable'
    profile = QoSProfile(
        history=HistoryPolicy.KEEP_LAST,
        depth=config.depth,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=_KEPT if content.latched else DurabilityPolicy.VOLATILE,
    )
    try:
        publisher = node.create_publisher(kind, topic, profile)
    except Exception as error:  # type supports raise nearly anything
        raise ConfigError(str(error).partition('\n')[0]) from error
    return Part(publisher, kind, config.restamp and begins_with_header(kind))
