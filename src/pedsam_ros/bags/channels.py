"""What the readers of mcap and sqlite3 files have in common: channels, and topics made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from pedsam_ros.core.foreign_text import parsed_yaml

CDR = 'cdr'
MAX_TEXT = 500  # characters that are kept of a name
_MAX_PROFILES = 2**16  # characters of YAML that say which QoS was offered
_KEPT = (1, 'transient_local')  # in bags up to version 8, and in newer ones

Lost = Callable[[str, str], None]  # is told the topic or file, and what is lost of it and why


class Channel(NamedTuple):
    """A topic as one file of a bag has it; a file may have a topic several times."""

    id: int
    topic: str
    type_name: str  # package/msg/Name
    encoding: str  # how messages are serialised; CDR is ROS 2's own way
    messages: int
    latched: bool  # late readers get earlier messages too (transient local)


class Content(NamedTuple):
    """What a bag holds of one topic."""

    type_name: str
    messages: int
    latched: bool
    encoding: str = CDR
    others: tuple[str, ...] = ()  # what else was recorded on the topic, and is left out


def kind_of(channel: Channel) -> tuple[str, str]:
    """How to read a channel's messages: their type and their encoding."""
    return channel.type_name, channel.encoding


def contents(channels: Iterable[Channel]) -> dict[str, Content]:
    """What there is of each topic: its first type in CDR, or else its first type."""
    by_topic: dict[str, list[Channel]] = {}
    for each in channels:
        by_topic.setdefault(each.topic, []).append(each)
    return {topic: _content(own) for topic, own in by_topic.items()}


def _content(channels: list[Channel]) -> Content:
    kinds = dict.fromkeys(map(kind_of, channels))
    chosen = min(kinds, key=lambda kind: kind[1] != CDR)
    same = [each for each in channels if kind_of(each) == chosen]
    return Content(
        type_name=chosen[0],
        messages=sum(each.messages for each in same),
        latched=any(each.latched for each in same),
        encoding=chosen[1],
        others=tuple(
            f'{name} ({encoding})' for name, encoding in kinds if (name, encoding) != chosen
        ),
    )


def modern(type_name: str) -> str:
    """The type as package/msg/Name. The first bags of ROS 2, and ROS 1, wrote package/Name."""
    package, _, name = type_name.partition('/')
    return f'{package}/msg/{name}' if name and '/' not in name else type_name


def latched(profiles: str) -> bool:
    """Whether one of these QoS profiles (YAML) keeps messages for late readers.

    Text that cannot be read counts as no.
    """
    if 'durability' not in profiles or len(profiles) > _MAX_PROFILES:
        return False
    try:
        return any(each['durability'] in _KEPT for each in parsed_yaml(profiles))
    except (ValueError, TypeError, KeyError):
        return False
