"""A worker that lies, for the soak and the system tests.

It has the worker's key, answers every window with a reply that has one thing wrong (see
`lies.py`), and its heartbeat claims that all is well.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from rclpy.node import Node

from pedsam_ros.core import codec
from pedsam_ros.core.model import checkpoint
from pedsam_ros.core.types import Embedding, Window, WorkerStatus
from pedsam_ros.core.windows import token_grid
from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.nodes import handshakes
from pedsam_ros.nodes.spin import run
from pedsam_ros.nodes.worker_node import HEARTBEAT_S
from pedsam_ros.ros import clock
from pedsam_ros.ros.worker_link import WorkerLink
from pedsam_ros.trial.diary import DiaryWriter
from pedsam_ros.trial.lies import Lie, spoiled
from pedsam_ros.trial.processes import NAMES


class HostileNode(Node):
    """Parameters: `name` of the worker it plays, its `key_folder` and `edge_key`, `checkpoint` of
    the model, `diary`, and `lie`: see Lie."""

    def __init__(self) -> None:
        super().__init__('worker')
        config = WorkerConfig(
            name=self.declare_parameter('name', NAMES[0]).value,
            key_folder=self.declare_parameter('key_folder', '').value,
            edge_key=self.declare_parameter('edge_key', '').value,
        )
        weights = checkpoint.read(self.declare_parameter('checkpoint', '').value)
        self._lie = Lie(self.declare_parameter('lie', Lie.NOT_FINITE.value).value)
        self._arch, self._model_id = weights.arch, weights.model_id
        self._diary = DiaryWriter(Path(self.declare_parameter('diary', '').value))
        key = handshakes.worker_key(config)
        sessions = handshakes.worker_sessions(config, key)
        self._link = WorkerLink(config.name, sessions, self._on_window, print, print)
        clock.timer(self, HEARTBEAT_S, self._on_heartbeat)
        self._diary.active()

    def destroy_node(self) -> None:
        """Closes the link, and removes the node."""
        self._link.close()
        self._diary.close()
        super().destroy_node()

    def _on_window(self, window: Window) -> None:
        self._diary.note(window)
        self._link.send(spoiled(self._well_formed(window), self._lie))

    def _on_heartbeat(self) -> None:
        self._link.beat(WorkerStatus(self._model_id, self._arch.name, 0, 0, 0, 0, 0.0, ''))

    def _well_formed(self, window: Window) -> Embedding:
        """A reply of zeros that has everything else as it should be."""
        shape = (*token_grid(self._arch, window.offset).shape(window.index), self._arch.dim)
        return Embedding(
            request_id=window.request_id,
            model_id=self._model_id,
            index=window.index,
            shape=shape,
            dtype=window.reply_dtype,
            values=bytes(codec.size_bytes(shape, window.reply_dtype)),
        )


main = partial(run, HostileNode, apart=True)
