"""A worker: windows in, embeddings out, in a DDS domain of its own. It knows nothing about the
robot."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from typing import Any

from pedsam_ros.core import wire
from pedsam_ros.core.errors import BadBatch
from pedsam_ros.core.model import backends, checkpoint
from pedsam_ros.core.model.worker_half import WorkerHalf
from pedsam_ros.core.noise import PrivateKey
from pedsam_ros.core.types import Embedding, Window, WorkerStatus
from pedsam_ros.core.worker_config import WorkerConfig
from pedsam_ros.nodes import handshakes
from pedsam_ros.nodes.compute import ComputeThread, Intake
from pedsam_ros.nodes.managed import ManagedNode
from pedsam_ros.nodes.spin import run
from pedsam_ros.ros import clock, diagnostics
from pedsam_ros.ros.worker_link import WorkerLink

HEARTBEAT_S = 0.2


class WorkerNode(ManagedNode):
    """Encodes the windows that wait in batches. See WorkerConfig for its parameters.

    The node itself is for the operator, and nobody else can see it: `spin.run` keeps it apart.
    All that is in the worker's domain, `domain_id` or else ROS_DOMAIN_ID, is a `WorkerLink`.
    """

    config_type = WorkerConfig
    _worker: WorkerHalf
    _key: PrivateKey | None
    _link: WorkerLink | None = None

    def __init__(self, domain_id: int | None = None, **kwargs: Any) -> None:
        super().__init__('worker', **kwargs)
        self._domain_id = domain_id
        self._encoded = self._rejected = self._busy = 0
        self._encode_s = 0.0
        self._last_error = ''

    def load(self) -> None:
        """Reads the key and the weights. Raises PedsamError."""
        self._key = handshakes.worker_key(self.config)
        weights = checkpoint.read(self.config.checkpoint)
        wire.check(weights.arch)
        self._worker = backends.worker_half(weights, self.config)
        by = self._worker.computed_by
        self.get_logger().info(f'configured model_id={self._worker.model_id} computed_by={by}')

    def unload(self) -> None:
        """Gives the model's memory back."""
        del self._worker

    def start(self, running: ExitStack) -> None:
        """Opens the link to the edge, warms up and sends heartbeats; the edge waits for these."""
        config = self.config
        if config.insecure:
            self.get_logger().error(handshakes.INSECURE)
        self._waiting: Intake[tuple[Window, float]] = Intake(config.queue_windows)
        self._compute = ComputeThread(self._step, self.on_defect)
        size = partial(wire.embedding_size, self._worker.arch) if config.pad else lambda dtype: 0
        self._link = WorkerLink(
            config.name,
            handshakes.worker_sessions(config, self._key),
            self.on_window,
            lambda error: self._reject(str(error)),
            self.on_defect,
            size,
            self._domain_id,
        )
        running.callback(self._close_link)
        self._compute.start()
        running.callback(self._compute.close)
        self._compute.call(self._worker.warm_up)
        heartbeat = clock.timer(self, HEARTBEAT_S, self._on_heartbeat)
        running.callback(self.destroy_timer, heartbeat)

    def report(self) -> None:
        """Publishes the fields of the heartbeat in /diagnostics."""
        wrong = self.fault or (handshakes.INSECURE if self.config.insecure else '')
        level = diagnostics.WARN if wrong else diagnostics.OK
        state = self._state()
        values = {name: getattr(state, name) for name in WorkerStatus.__slots__}
        values['computed_by'] = self._worker.computed_by
        values['connected'] = self._link is not None and self._link.connected()
        name = self.get_fully_qualified_name()
        self.publish_report([diagnostics.status(name, level, wrong or 'active', values)])

    # On the link's thread.
    def on_window(self, window: Window) -> None:
        """Queues a window that the edge has sent."""
        try:
            self._worker.check(window)
        except BadBatch as error:
            return self._reject(str(error))
        if self._waiting.offer((window, time.monotonic())):
            self._reject(
                f'queue_windows={self.config.queue_windows}: full, the oldest was dropped'
            )
        return self._compute.wake()

    def _step(self) -> float | None:
        """Encodes the windows that wait. Runs on the computing thread."""
        taken = self._waiting.take(self.config.max_batch)
        if not taken:
            return None
        batch = [(window, at_s) for window, at_s in taken if self._awaited(window, at_s)]
        self._busy = len(batch)
        try:
            if batch:
                self._encode(batch)
        except Exception as error:
            for _ in batch:
                self._reject(f'{type(error).__name__}: {error!s:.200}')
            raise
        finally:
            self._busy = 0
        return 0.0

    def _awaited(self, window: Window, arrived_s: float) -> bool:
        """Whether the edge still waits for a window's embedding; if not, counts it as
        rejected."""
        waited_s = time.monotonic() - arrived_s
        if not window.within_s or waited_s < window.within_s:
            return True
        self._reject(f'window={window.index}: waited {waited_s:.2g} s, nobody wants it any more')
        return False

    def _encode(self, batch: list[tuple[Window, float]]) -> None:
        begun = time.monotonic()
        embeddings = self._worker.encode([window for window, _ in batch])
        now = time.monotonic()
        for embedding, (_, arrived) in zip(embeddings, batch, strict=True):
            self._send(replace(embedding, encode_s=min(now - arrived, wire.MOST_S)))
        self._encoded += len(batch)
        self._encode_s = (now - begun) / len(batch)
        self.fault = ''

    def _send(self, reply: Embedding) -> None:
        if self._link is not None:
            self._link.send(reply)

    def _on_heartbeat(self) -> None:
        if self._link is not None:
            self._link.beat(self._state())

    def _close_link(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None

    def _state(self) -> WorkerStatus:
        fitted = self._worker.fitted
        return WorkerStatus(
            model_id=self._worker.model_id,
            architecture=self._worker.arch.name,
            queued=len(self._waiting) + self._busy,
            encoded=self._encoded,
            rejected=self._rejected,
            foreign=self._link.foreign if self._link is not None else 0,
            encode_s=min(self._encode_s, wire.MOST_S),
            last_error=self._last_error,
            codec_id=fitted.id if fitted else '',
        )

    def _reject(self, reason: str) -> None:
        self._rejected += 1
        self._last_error = reason
        self.warn(f'rejected={self._rejected} {reason}')


main = partial(run, WorkerNode, apart=True)
