"""A node in one worker's DDS domain that tells strangers nothing: the edge's foot there, and the
worker's own.

It has no log, no services and no parameters of ours. `/parameter_events` cannot be switched off,
so it declares nothing that others may not know.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.ros import identity

_TICK_S = 0.1


class QuietNode:
    """A node with a context of its own, spun on a thread of its own from `starting` to `close`.
    Without a `domain_id` it is in the domain ROS_DOMAIN_ID. If DDS-Security is on, the node has
    the rights of `enclave`, whatever enclave the process has.

    `tick` is called on that thread after each message, and ten times a second. What a callback or
    `tick` raises goes to `on_error`. Raises ConfigError if there are peers and this ROS cannot use
    them.
    """

    def __init__(
        self,
        name: str,
        domain_id: int | None,
        tick: Callable[[], None],
        on_error: Callable[[Exception], None],
        peers: tuple[str, ...] = (),
        enclave: str = '/',
    ) -> None:
        self._enclave = enclave
        self._tick, self._on_error, self._closing = tick, on_error, threading.Event()
        with ExitStack() as opened:
            self._open(name, domain_id, peers, opened)
            self._opened = opened.pop_all()

    def publisher(self, kind: type[Any], name: str, profile: Any) -> Any:
        """A publisher of the node."""
        return self._node.create_publisher(kind, name, profile)

    def subscribe(
        self, kind: type[Any], name: str, react: Callable[..., None], profile: Any
    ) -> None:
        """Subscribes the node to a topic."""
        self._node.create_subscription(kind, name, react, profile)

    @contextmanager
    def starting(self) -> Iterator[None]:
        """Begins to hear at the end of the block, which makes all topics. If the block raises,
        nothing stays open."""
        try:
            yield
        except BaseException:
            self.close()
            raise
        self._thread.start()
        self._opened.callback(self._stop)

    def close(self) -> None:
        """Ends the thread, the node and the context."""
        self._opened.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closing.is_set()

    def _open(
        self, name: str, domain_id: int | None, peers: tuple[str, ...], opened: ExitStack
    ) -> None:
        """Opens everything. `opened` closes it in reverse order, also if a later part fails."""
        context, args = Context(), ['--ros-args', '--enclave', self._enclave]
        with _peers(peers):
            context.init(args=args, domain_id=domain_id, initialize_logging=False)
            opened.callback(context.try_shutdown)
            self._node = _quiet_node(name, context)
        opened.callback(self._node.destroy_node)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(self._node)
        opened.callback(self._executor.shutdown)
        self._thread = threading.Thread(target=self._spin, name=name, daemon=True)

    def _stop(self) -> None:
        self._closing.set()
        self._executor.create_task(lambda: None)  # ends the wait of `spin_once`; `wake` does not
        self._thread.join()

    def _spin(self) -> None:
        while not self._closing.is_set():
            try:
                self._executor.spin_once(timeout_sec=_TICK_S)
                self._tick()
            except Exception as error:  # one bad message must not end the thread
                self._on_error(error)


def _quiet_node(name: str, context: Context) -> Node:
    return Node(
        name,
        context=context,
        use_global_arguments=False,
        enable_rosout=False,
        start_parameter_services=False,
        parameter_overrides=[Parameter('start_type_description_service', value=False)],
    )


@contextmanager
def _peers(addresses: tuple[str, ...]) -> Iterator[None]:
    """Adds static peers to the environment while one context is made."""
    if addresses and identity.on_humble():
        raise ConfigError(f'peers={addresses}: Humble has no static peers; use an XML profile')
    before = os.environ.get('ROS_STATIC_PEERS')
    if addresses:
        os.environ['ROS_STATIC_PEERS'] = ';'.join(filter(None, [before, *addresses]))
    try:
        yield
    finally:
        if addresses and before is None:
            del os.environ['ROS_STATIC_PEERS']
        elif before is not None:
            os.environ['ROS_STATIC_PEERS'] = before
