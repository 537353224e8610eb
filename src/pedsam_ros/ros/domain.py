"""DomainLink: the edge's foot in one worker's DDS domain. One context, one node, one executor
thread.

What a worker may learn from it is its own three topics and a node called `pedsam_client`: no robot
name, no log, no parameter service. `/parameter_events` cannot be switched off; this node declares
nothing a worker may not know.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.parameter import Parameter

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.types import Embedding, Window, WorkerStatus
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.msg import Embedding as EmbeddingMsg
from pedsam_ros.msg import Window as WindowMsg
from pedsam_ros.msg import WorkerStatus as StatusMsg
from pedsam_ros.ros import convert, identity, qos

NODE_NAME = 'pedsam_client'


def topic(worker: str, what: str) -> str:
    """Name of a worker's topic: windows, embeddings or status."""
    return f'/pedsam/{worker}/{what}'


class DomainLink:
    """Sends windows to a worker; hands its embeddings and status to callbacks, on its own thread.

    Raises ConfigError if the worker has peers and this ROS cannot use them.
    """

    def __init__(
        self,
        worker: WorkerEntry,
        on_embedding: Callable[[str, Embedding], None],
        on_status: Callable[[str, WorkerStatus], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self.worker, self._topic = worker.name, topic(worker.name, 'windows')
        self._on_embedding, self._on_status, self._on_error = on_embedding, on_status, on_error
        self._closing, self._known = threading.Event(), ''
        with ExitStack() as opened:
            self._open(worker, opened)
            self._opened = opened.pop_all()

    def send(self, window: Window) -> None:
        """Publishes one window; returns at once."""
        self._windows.publish(convert.window_to_msg(window))

    def read_by(self, reader: str) -> bool:
        """Whether this very reader has our windows; what is sent before that never reaches it.

        A killed worker's reader is known for some time yet, so counting readers says nothing of
        its successor's.
        """
        if self._closing.is_set() or not self._windows.get_subscription_count():
            self._known = ''
        elif reader != self._known and reader in reader_ids(self._node, self._topic):
            self._known = reader
        return bool(reader) and reader == self._known

    def close(self) -> None:
        """Ends the thread, the node and the context."""
        self._opened.close()

    def _open(self, worker: WorkerEntry, opened: ExitStack) -> None:
        """What was opened is closed in reverse order, also if the rest fails."""
        context = Context()
        with _peers(worker.peers):
            context.init(args=[], domain_id=worker.domain_id, initialize_logging=False)
            opened.callback(context.try_shutdown)
            node = self._node = _quiet_node(context)
        opened.callback(node.destroy_node)
        name = worker.name
        self._windows = node.create_publisher(WindowMsg, self._topic, qos.WIRE)
        node.create_subscription(
            EmbeddingMsg, topic(name, 'embeddings'), self._embedding, qos.WIRE
        )
        node.create_subscription(StatusMsg, topic(name, 'status'), self._status, qos.STATUS)
        self._executor = SingleThreadedExecutor(context=context)
        self._executor.add_node(node)
        opened.callback(self._executor.shutdown)
        self._thread = threading.Thread(target=self._spin, name=f'link-{name}', daemon=True)
        self._thread.start()
        opened.callback(self._stop)

    def _stop(self) -> None:
        self._closing.set()
        self._executor.wake()
        self._thread.join()

    def _spin(self) -> None:
        while not self._closing.is_set():
            try:
                self._executor.spin_once(timeout_sec=0.5)
            except Exception as error:  # one bad message must not end the link
                self._on_error(error)

    def _embedding(self, msg: EmbeddingMsg) -> None:
        self._on_embedding(self.worker, convert.embedding_from_msg(msg))

    def _status(self, msg: StatusMsg) -> None:
        self._on_status(self.worker, convert.status_from_msg(msg))


def reader_ids(node: Node, name: str, of: str = '') -> list[str]:
    """DDS's ids, 32 hexadecimal digits each, of the readers of a topic that a node knows: all, or
    those of one node."""
    readers = node.get_subscriptions_info_by_topic(name)
    return [bytes(r.endpoint_gid[:16]).hex() for r in readers if of in ('', r.node_name)]


def own_reader(node: Node, name: str) -> str:
    """DDS's id of a node's own reader of a topic; empty if it has none."""
    return next(iter(reader_ids(node, name, node.get_name())), '')


def _quiet_node(context: Context) -> Node:
    return Node(
        NODE_NAME,
        context=context,
        use_global_arguments=False,
        enable_rosout=False,
        start_parameter_services=False,
        parameter_overrides=[Parameter('start_type_description_service', value=False)],
    )


@contextmanager
def _peers(addresses: tuple[str, ...]) -> Iterator[None]:
    """Adds static peers to what the environment says, while one context is made."""
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
