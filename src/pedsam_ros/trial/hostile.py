"""A worker that lies, for the soak and the system tests.

It answers every window with a reply that has one thing wrong (see `lies.py`), and its heartbeat
claims that all is well.
"""

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
from pedsam_ros.nodes.worker_node import HEARTBEAT_S
from pedsam_ros.ros import clock, convert, qos
from pedsam_ros.ros.domain import own_reader, topic
from pedsam_ros.trial.lies import Lie, spoiled
from pedsam_ros.trial.processes import NAMES


class HostileNode(Node):
    """Parameters: `name` of the worker it plays, `checkpoint` of the model, `lie`: see Lie."""

    def __init__(self) -> None:
        super().__init__('worker')
        name = self.declare_parameter('name', NAMES[0]).value
        weights = checkpoint.read(self.declare_parameter('checkpoint', '').value)
        self._lie = Lie(self.declare_parameter('lie', Lie.NOT_FINITE.value).value)
        self._arch, self._model_id = weights.arch, weights.model_id
        self._embeddings = self.create_publisher(EmbeddingMsg, topic(name, 'embeddings'), qos.WIRE)
        self._status = self.create_publisher(StatusMsg, topic(name, 'status'), qos.STATUS)
        self._windows = topic(name, 'windows')
        self.create_subscription(WindowMsg, self._windows, self._on_window, qos.WIRE)
        clock.timer(self, HEARTBEAT_S, self._on_heartbeat)

    def _on_window(self, msg: WindowMsg) -> None:
        reply = self._well_formed(convert.window_from_msg(msg))
        self._embeddings.publish(convert.embedding_to_msg(spoiled(reply, self._lie)))

    def _on_heartbeat(self) -> None:
        clients = self._embeddings.get_subscription_count()
        reader = own_reader(self, self._windows)
        status = WorkerStatus(self._model_id, self._arch.name, clients, 0, 0, 0, 0.0, reader, '')
        self._status.publish(convert.status_to_msg(status))

    def _well_formed(self, window: Window) -> Embedding:
        """A reply of zeros that has everything else as it should be."""
        shape = (*token_grid(self._arch).shape(window.index), self._arch.dim)
        return Embedding(
            request_id=window.request_id,
            model_id=self._model_id,
            index=window.index,
            shape=shape,
            dtype=window.reply_dtype,
            values=bytes(codec.size_bytes(shape, window.reply_dtype)),
        )


main = partial(run, HostileNode)
