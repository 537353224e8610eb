"""WorkerLink is a worker's end of the link to the edge, in the worker's DDS domain."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from pedsam_ros.core.allow_list import WORKER_NODE, enclave, topic
from pedsam_ros.core.errors import BadBatch, BadSeal
from pedsam_ros.core.seal import Kind
from pedsam_ros.core.sessions import WorkerSessions
from pedsam_ros.core.types import Embedding, Window, WorkerStatus
from pedsam_ros.core.wire import STATUS_SIZE, padded
from pedsam_ros.msg import SealedEmbedding, SealedStatus, SealedWindow
from pedsam_ros.ros import plaintext, qos, sealed_msg
from pedsam_ros.ros.quiet import QuietNode


class WorkerLink:
    """Hands the edge's windows to `on_window`, which runs on the link's own thread, and sends
    embeddings and heartbeats. What the edge itself made and cannot be read goes to `on_bad`.

    Every embedding is padded to `embedding_bytes` of its number type. Without a `domain_id` the
    link is in the domain ROS_DOMAIN_ID.
    """

    def __init__(
        self,
        name: str,
        sessions: WorkerSessions,
        on_window: Callable[[Window], None],
        on_bad: Callable[[BadBatch], None],
        on_error: Callable[[Exception], None],
        embedding_bytes: Callable[[str], int] = lambda dtype: 0,
        domain_id: int | None = None,
    ) -> None:
        self.foreign = 0
        self._sessions, self._lock = sessions, threading.Lock()
        self._embedding_bytes = embedding_bytes
        self._on_window, self._on_bad = on_window, on_bad
        rights = enclave(name, 'worker')
        self._node = QuietNode(WORKER_NODE, domain_id, lambda: None, on_error, enclave=rights)
        embeddings, status, windows = (topic(name, w) for w in ('embeddings', 'status', 'windows'))
        with self._node.starting():
            self._embeddings = self._node.publisher(SealedEmbedding, embeddings, qos.EMBEDDINGS)
            self._status = self._node.publisher(SealedStatus, status, qos.STATUS)
            self._node.subscribe(SealedWindow, windows, self._window, qos.WINDOWS)

    def send(self, embedding: Embedding) -> None:
        """Publishes an embedding. It is lost if there is no session any more."""
        size = self._embedding_bytes(embedding.dtype)
        self._seal(Kind.EMBEDDING, padded(plaintext.embedding_to_bytes(embedding), size))

    def beat(self, status: WorkerStatus) -> None:
        """Publishes a heartbeat, if there is a session."""
        self._seal(Kind.STATUS, padded(plaintext.status_to_bytes(status), STATUS_SIZE))

    def connected(self) -> bool:
        """Whether there is a session with the edge."""
        with self._lock:
            return self._sessions.connected(time.monotonic())

    def close(self) -> None:
        """Ends the thread, the node and the context."""
        self._node.close()

    def _seal(self, kind: Kind, content: bytes) -> None:
        with self._lock:
            sealed = self._sessions.seal(kind, content, time.monotonic())
        if sealed is None:
            return
        if kind is Kind.EMBEDDING:
            self._embeddings.publish(sealed_msg.sealed_to_msg(sealed, SealedEmbedding))
        else:
            self._status.publish(sealed_msg.sealed_to_msg(sealed, SealedStatus))

    # On the link's thread.
    def _window(self, msg: SealedWindow) -> None:
        sealed = sealed_msg.sealed_from_msg(msg)
        now_s = time.monotonic()
        try:
            if not sealed.session:
                with self._lock:
                    answer = self._sessions.welcome(sealed, now_s)
                self._embeddings.publish(sealed_msg.sealed_to_msg(answer, SealedEmbedding))
                return None
            with self._lock:
                content = self._sessions.open(Kind.WINDOW, sealed, now_s)
        except BadSeal:
            self.foreign += 1
            return None
        if not content:  # it only confirms a handshake
            return None
        try:
            window = plaintext.window_from_bytes(content)
        except BadBatch as error:
            return self._on_bad(error)
        return self._on_window(window)
