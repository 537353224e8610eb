"""DomainLink is the edge's end of the link to one worker, in that worker's DDS domain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pedsam_ros.core.allow_list import EDGE_NODE, enclave, topic
from pedsam_ros.core.errors import BadBatch, BadReply, BadSeal
from pedsam_ros.core.seal import Kind, Sealed
from pedsam_ros.core.sessions import EdgeSessions
from pedsam_ros.core.types import Embedding, Window, WorkerStatus
from pedsam_ros.core.wire import padded
from pedsam_ros.core.workers_file import WorkerEntry
from pedsam_ros.msg import SealedEmbedding, SealedStatus, SealedWindow
from pedsam_ros.ros import plaintext, qos, sealed_msg
from pedsam_ros.ros.quiet import QuietNode


class DomainLink:
    """Sends windows to one worker. Hands the worker's embeddings and heartbeats to callbacks,
    which run on the link's own thread. An answer that the worker itself made, and that cannot be
    read, is handed over as BadReply.

    >>> link = DomainLink(worker, sessions, 0, on_embedding, on_status, on_error)
    >>> link.connected()  # no worker has answered yet
    False
    >>> link.send(window)  # the bytes that travel: none, because there is no session
    0
    >>> link.close()

    Every window is padded to `window_bytes`. Raises ConfigError if the worker has peers and this
    ROS cannot use them.
    """

    def __init__(
        self,
        worker: WorkerEntry,
        sessions: EdgeSessions,
        window_bytes: int,
        on_embedding: Callable[[str, Embedding | BadReply], None],
        on_status: Callable[[str, WorkerStatus], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self.worker, self.foreign = worker.name, 0
        self._sessions, self._window_bytes, self._lock = sessions, window_bytes, threading.Lock()
        self._on_embedding, self._on_status = on_embedding, on_status
        name, rights = worker.name, enclave(worker.name, 'edge')
        self._node = node = QuietNode(
            EDGE_NODE, worker.domain_id, self._tick, on_error, worker.peers, rights
        )
        embeddings, status, windows = (topic(name, w) for w in ('embeddings', 'status', 'windows'))
        with node.starting():
            self._windows = node.publisher(SealedWindow, windows, qos.WINDOWS)
            node.subscribe(SealedEmbedding, embeddings, self._embedding, qos.EMBEDDINGS)
            node.subscribe(SealedStatus, status, self._status, qos.STATUS)

    def send(self, window: Window) -> int:
        """Publishes one window and returns at once. Returns the bytes that travel, 0 without a
        session."""
        content = padded(plaintext.window_to_bytes(window), self._window_bytes)
        with self._lock:
            sealed = self._sessions.seal(Kind.WINDOW, content, time.monotonic())
        if sealed is None:
            return 0
        self._publish(sealed)
        return len(sealed.box)

    def connected(self) -> bool:
        """Whether what is sent now reaches the worker: it has answered on this very way."""
        with self._lock:
            return not self._node.closed and self._sessions.connected(time.monotonic())

    def reached(self) -> bool:
        """Whether somebody reads the topic of windows."""
        return not self._node.closed and bool(self._windows.get_subscription_count())

    def close(self) -> None:
        """Ends the thread, the node and the context."""
        self._node.close()

    def _publish(self, sealed: Sealed) -> None:
        self._windows.publish(sealed_msg.sealed_to_msg(sealed, SealedWindow))

    # On the link's thread.
    def _tick(self) -> None:
        with self._lock:
            hello = self._sessions.hello(time.monotonic())
        if hello is not None and self.reached():
            self._publish(hello)

    def _embedding(self, msg: SealedEmbedding) -> None:
        sealed = sealed_msg.sealed_from_msg(msg)
        try:
            if not sealed.session:
                return self._welcome(sealed)
            content, _ = self._open(Kind.EMBEDDING, sealed)
        except BadSeal:
            return self._count_foreign()
        reply: Embedding | BadReply
        try:
            reply = plaintext.embedding_from_bytes(content)
        except BadBatch as error:
            reply = BadReply(self.worker, str(error))
        return self._on_embedding(self.worker, reply)

    def _status(self, msg: SealedStatus) -> None:
        try:
            content, process = self._open(Kind.STATUS, sealed_msg.sealed_from_msg(msg))
        except BadSeal:
            return self._count_foreign()
        try:
            status = plaintext.status_from_bytes(content, process.hex())
        except BadBatch as error:
            return self._on_embedding(self.worker, BadReply(self.worker, str(error)))
        return self._on_status(self.worker, status)

    def _welcome(self, sealed: Sealed) -> None:
        with self._lock:
            confirm = self._sessions.welcome(sealed, time.monotonic())
        if confirm is not None:
            self._publish(confirm)

    def _open(self, kind: Kind, sealed: Sealed) -> tuple[bytes, bytes]:
        with self._lock:
            return self._sessions.open(kind, sealed, time.monotonic())

    def _count_foreign(self) -> None:
        self.foreign += 1
