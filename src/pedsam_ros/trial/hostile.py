"""A worker that lies: for `pedsam soak` and the system tests. It answers every window with
garbage, and says of itself that all is well."""

from __future__ import annotations

from functools import partial

from rclpy.node import Node

from pedsam_ros.core import codec
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.types import Embedding, Window, WorkerStatus
from pedsam_ros.core.windows import token_grid
from pedsam_ros.msg import Embedding as EmbeddingMsg
from pedsam_ros.msg import Window as WindowMsg
from pedsam_ros.msg import WorkerStatus as StatusMsg
from pedsam_ros.nodes.spin import run
from pedsam_ros.ros import convert, qos
from pedsam_ros.ros.domain import own_reader, topic

LIES = (
    'not_finite',
    'shape',
    'short',
    'model',
    'window',
)  # and 'zeros', which only an audit finds
_HEARTBEAT_S = 0.2


class HostileNode(Node):
    """Parameters: `name` of the worker it plays, `checkpoint` of the model, `lie`: see LIES."""

    def __init__(self) -> None:
        super().__init__('worker')
        name = self.declare_parameter('name', 'alice').value
        weights = checkpoint.read(self.declare_parameter('checkpoint', '').value)
        self._lie = self.declare_parameter('lie', LIES[0]).value
        self._arch, self._model_id = weights.arch, weights.model_id
        self._embeddings = self.create_publisher(EmbeddingMsg, topic(name, 'embeddings'), qos.WIRE)
        self._status = self.create_publisher(StatusMsg, topic(name, 'status'), qos.STATUS)
        self._windows = topic(name, 'windows')
        self.create_subscription(WindowMsg, self._windows, self._on_window, qos.WIRE)
        self.create_timer(_HEARTBEAT_S, self._on_heartbeat)

    def _on_window(self, msg: WindowMsg) -> None:
        self._embeddings.publish(
            convert.embedding_to_msg(self._answer(convert.window_from_msg(msg)))
        )

    def _on_heartbeat(self) -> None:
        clients = self._embeddings.get_subscription_count()
        reader = own_reader(self, self._windows)
        status = WorkerStatus(self._model_id, self._arch.name, clients, 0, 0, 0, 0.0, reader, '')
        self._status.publish(convert.status_to_msg(status))

    def _answer(self, window: Window) -> Embedding:
        rows, columns = token_grid(self._arch).shape(window.index)
        shape = (rows, columns + (self._lie == 'shape'), self._arch.dim)
        values = (b'\0' if self._lie == 'zeros' else b'\xff') * codec.size_bytes(
            shape, window.reply_dtype
        )
        return Embedding(
            request_id=window.request_id,
            model_id='0' * 16 if self._lie == 'model' else self._model_id,
            index=window.index + (self._lie == 'window'),
            shape=shape,
            dtype=window.reply_dtype,
            values=values[: -1 if self._lie == 'short' else None],
        )


main = partial(run, HostileNode)
