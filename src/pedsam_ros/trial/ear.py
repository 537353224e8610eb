"""Hears in a worker's domain, on a thread, what goes to the worker and what comes from it."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from rclpy.qos import QoSProfile, ReliabilityPolicy

from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.msg import Window as WindowMsg
from pedsam_ros.msg import WorkerStatus as StatusMsg
from pedsam_ros.nodes.worker_node import HEARTBEAT_S
from pedsam_ros.ros import identity
from pedsam_ros.ros.domain import topic
from pedsam_ros.trial.client import Client

_QOS = QoSProfile(depth=200, reliability=ReliabilityPolicy.BEST_EFFORT)


class Ear:
    """Which windows a worker was ever sent, and since when its present process is there.

    A process is told from another by `reader`: DDS's id of its reader of windows, which its
    heartbeat names. Windows are added to the set `windows`. Times are monotonic seconds.

    DDS may need seconds to tell the ear of a new process, but it numbers the process's heartbeats.
    So the first one heard shows since when they are sent (but not on Humble).
    """

    def __init__(self, worker: WorkerEntry, windows: set[int]) -> None:
        self.windows = windows
        self.reader = ''  # empty until the first heartbeat
        self.active_s = math.inf  # when this process became active
        self.sent_s = math.inf  # when the first window came after its first heartbeat heard
        self._client = Client(worker.domain_id, 'soak')
        self._client.hear(WindowMsg, topic(worker.name, 'windows'), self._on_window, _QOS)
        on_status = self._on_first_status if identity.on_humble() else self._on_status
        self._client.hear(StatusMsg, topic(worker.name, 'status'), on_status, _QOS)
        self._client.spin_in_background()

    def close(self) -> None:
        """Ends the thread and the node."""
        self._client.close()

    def _on_window(self, msg: WindowMsg) -> None:
        self.windows.add(msg.window)
        self.sent_s = min(self.sent_s, time.monotonic())

    def _on_first_status(self, msg: StatusMsg) -> None:
        self._on_status(msg, {'publication_sequence_number': 1})

    def _on_status(self, msg: StatusMsg, info: Mapping[str, Any]) -> None:
        if msg.reader not in ('', self.reader):
            self.active_s = time.monotonic() - HEARTBEAT_S * info['publication_sequence_number']
            self.sent_s = math.inf
            self.reader = msg.reader
