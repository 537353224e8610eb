"""DomainLink connects the edge to one worker's DDS domain, with a context, a node and an executor
thread of its own.

All that a worker can learn from it is the worker's own three topics and a node that is called
`pedsam_client`. There is no robot name, no log and no parameter service. `/parameter_events`
cannot be switched off, so this node declares nothing that a worker may not know.
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

from pedsam_ros.core import allow_list
from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.types import Embedding, Window, WorkerStatus
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.msg import Embedding as EmbeddingMsg
from pedsam_ros.msg import Window as WindowMsg
from pedsam_ros.msg import WorkerStatus as StatusMsg
from pedsam_ros.ros import convert, identity, qos

NODE_NAME, topic = allow_list.EDGE_NODE, allow_list.topic


class DomainLink:
    """Sends windows to one worker. Hands the worker's embeddings and heartbeats to callbacks,
    which run on the link's own thread.

    >>> link = DomainLink(worker, on_embedding, on_status, on_error)
    >>> link.read_by('')  # the reader that the worker's heartbeat names; no heartbeat came yet
    False
    >>> link.send(window)  # lost, because nobody reads it
    >>> link.close()

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
        """Publishes one window and returns at once."""
        self._windows.publish(convert.window_to_msg(window))

    def read_by(self, reader: str) -> bool:
        """Whether the reader with this DDS id gets our windows. What is sent earlier never reaches
        it.

        Counting readers would not do: the reader of a killed worker stays known for some time, and
        a count cannot tell it from its successor.
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
        """Opens everything. `opened` closes it in reverse order, also if a later part fails."""
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
        self._executor.create_task(lambda: None)  # ends the wait of `spin_once`; `wake` does not
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
    """Lists the DDS ids, 32 hexadecimal digits each, of the readers of a topic that `node` has
    discovered; with `of`, only those of the node with that name."""
    readers = node.get_subscriptions_info_by_topic(name)
    return [bytes(r.endpoint_gid[:16]).hex() for r in readers if of in ('', r.node_name)]


def own_reader(node: Node, name: str) -> str:
    """The DDS id of a node's own reader of a topic; empty if it has no such reader."""
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
