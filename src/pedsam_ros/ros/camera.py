"""The subscription to a camera: it follows the camera's publishers.

rclpy's BEST_AVAILABLE would not do: it is decided once, when the subscription is made, and means
reliable if no publisher is known by then. A camera that comes later with best effort is not heard.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rcl_interfaces.msg import ParameterDescriptor
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.exceptions import InvalidParameterTypeException
from rclpy.node import Node
from rclpy.qos import QoSPolicyKind, ReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from pedsam_ros.core.camera import (
    IMAGE,
    SOURCES,
    Offer,
    Source,
    View,
    choose,
    fits_reliable,
    readable,
)
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.image_bombs import MAX_PIXELS
from pedsam_ros.core.types import Frame, FrameKey
from pedsam_ros.ros import clock, convert, images, qos

_LOOK_S = 0.5  # how often to look at the publishers
_FOLLOW = 'best_available'
_RELIABILITIES = {
    'reliable': ReliabilityPolicy.RELIABLE,
    'best_effort': ReliabilityPolicy.BEST_EFFORT,
    'system_default': ReliabilityPolicy.SYSTEM_DEFAULT,
}


@dataclass(frozen=True, slots=True, eq=False)
class CameraImage:
    """A message of a camera; its pixels are made when somebody asks for them."""

    msg: Image | CompressedImage
    most_px: int = MAX_PIXELS

    @property
    def key(self) -> FrameKey:
        """The camera's header."""
        return convert.key_from_header(self.msg.header)

    @property
    def nbytes(self) -> int:
        """The memory that it takes, with its texts."""
        return images.nbytes_of(self.msg)

    def read(self) -> Frame:
        """Makes pixels of it. Raises BadImage; see images.py."""
        return convert.frame_from_msg(self.msg, self.most_px)


class Camera:
    """Reads a node's `image` or `image/compressed`, as `transport` says: raw, compressed or auto.

    `on_image` is a subscription's callback; see `with_info`. Only the newest image is kept for it,
    or with a `depth` the last so many. While `wanted` is False images are not even taken from
    DDS, where the newest replaces the others; call `wake` when it becomes True.

    The parameter `qos_overrides.TOPIC.subscription.reliability` ends the following of the
    publishers' reliability. Raises ConfigError if it is not a reliability.
    """

    def __init__(
        self,
        node: Node,
        transport: str,
        on_image: Callable[..., None],
        depth: int = 0,
        wanted: Callable[[], bool] = lambda: True,
    ) -> None:
        self._node, self._transport, self._on_image = node, transport, on_image
        self._depth, self._wanted = depth, wanted
        names = {source.name for source in SOURCES[transport]} | {'image', 'image/compressed'}
        self._topics = {name: node.resolve_topic_name(name) for name in sorted(names)}
        self._subscription: Subscription | None = None
        self._in_use = threading.Lock()  # so that it is not destroyed while `take` uses it
        self._view: View | None = None
        self._look()
        self._timer = clock.timer(node, _LOOK_S, self._look)

    @property
    def view(self) -> View:
        """What is read, and what was there to be read at the last look."""
        assert self._view is not None  # the first look is taken by __init__
        return self._view

    def take(self) -> tuple[Any, Mapping[str, Any]] | None:
        """Takes an image at once, with what DDS knows about it; None if none is there, or if the
        executor is just taking it. Any thread may call it while `wanted` is False."""
        with self._in_use:
            subscription = self._subscription
            if subscription is None:
                return None
            group = subscription.callback_group
            if not group.beginning_execution(subscription):
                return None
            try:
                return self._taken(subscription)
            finally:
                group.ending_execution(subscription)

    def wake(self) -> None:
        """Has the node's executor look for an image again. Any thread may call it."""
        if executor := self._node.executor:
            executor.wake()

    def close(self) -> None:
        """Ends the subscription."""
        self._node.destroy_timer(self._timer)
        self._unsubscribe()

    def _look(self) -> None:
        """Looks at the publishers, and subscribes anew if another way of reading fits them."""
        before = self._view
        offers = {name: self._offers(name) for name in self._topics}
        source = choose(self._transport, offers, before.source if before else None)
        forced = self._forced(source)
        same = before is not None and before.source == source
        fitting = fits_reliable(
            readable(source, offers), before.reliable if before and same else True
        )
        reliable = fitting if forced is None else forced == ReliabilityPolicy.RELIABLE
        self._view = View(source, self._topics, offers, reliable, bool(self._depth))
        if not same or (before is not None and before.reliable != reliable):
            self._unsubscribe()
            self._subscribe(source, forced, reliable)

    def _offers(self, name: str) -> list[Offer]:
        return [
            Offer(info.topic_type, info.qos_profile.reliability == ReliabilityPolicy.RELIABLE)
            for info in self._node.get_publishers_info_by_topic(name)
        ]

    def _subscribe(self, source: Source, forced: Any, reliable: bool) -> None:
        profile = qos.camera(reliable, self._depth)
        if forced is not None:
            profile.reliability = forced
        self._subscription = self._node.create_subscription(
            Image if source.type_name == IMAGE else CompressedImage,
            source.name,
            self._on_image,
            profile,
            callback_group=_WhileWanted(self._wanted),  # a used group remembers what it held
            event_callbacks=qos.no_events(),
            qos_overriding_options=QoSOverridingOptions(
                [QoSPolicyKind.HISTORY, QoSPolicyKind.DEPTH]
            ),
        )
        how = 'reliable' if reliable else 'best effort'
        self._node.get_logger().info(
            f'reading topic={self._topics[source.name]} type={source.type_name} qos={how}'
        )

    def _unsubscribe(self) -> None:
        with self._in_use:
            if self._subscription is not None:
                self._node.destroy_subscription(self._subscription)
                self._subscription = None

    @staticmethod
    def _taken(subscription: Subscription) -> tuple[Any, Mapping[str, Any]] | None:
        handle: Any = subscription.handle
        with handle:
            taken: tuple[Any, Mapping[str, Any]] | None = handle.take_message(
                subscription.msg_type, False
            )
        return taken

    def _forced(self, source: Source) -> Any:
        """The reliability that the user asks for; None if the publishers are to be followed."""
        name = f'qos_overrides.{self._topics[source.name]}.subscription.reliability'
        if not self._node.has_parameter(name):
            text = f'reliability of the subscription; {_FOLLOW} follows the publishers'
            descriptor = ParameterDescriptor(description=text, read_only=True)
            try:
                self._node.declare_parameter(name, _FOLLOW, descriptor)
            except InvalidParameterTypeException as error:
                raise ConfigError(f'{name}: {error}') from None
        value = self._node.get_parameter(name).value
        if value == _FOLLOW:
            return None
        if value not in _RELIABILITIES:
            raise ConfigError(f'{name}={value!r}: one of {_FOLLOW}, {", ".join(_RELIABILITIES)}')
        return _RELIABILITIES[value]


def with_info(on_image: Callable[[Any, Mapping[str, Any]], None]) -> Callable[..., None]:
    """A callback that is also told what DDS knows about a message: nothing on Humble."""
    if hasattr(Subscription, 'CallbackType'):
        return on_image
    return lambda msg: on_image(msg, {})


class _WhileWanted(MutuallyExclusiveCallbackGroup):  # type: ignore[misc]
    """Lets a subscription take messages while `wanted` says so."""

    def __init__(self, wanted: Callable[[], bool]) -> None:
        super().__init__()
        self._wanted = wanted

    def can_execute(self, entity: Any) -> bool:
        return self._wanted() and bool(super().can_execute(entity))
