"""What is sealed: the serialised message of a window, an embedding or a heartbeat."""

from __future__ import annotations

from typing import Any

from rclpy.serialization import deserialize_message, serialize_message

from pedsam_ros.core.errors import BadBatch
from pedsam_ros.core.types import Embedding, Window, WorkerStatus
from pedsam_ros.core.wire import unpadded
from pedsam_ros.msg import Embedding as EmbeddingMsg
from pedsam_ros.msg import Window as WindowMsg
from pedsam_ros.msg import WorkerStatus as StatusMsg
from pedsam_ros.ros import convert


def window_to_bytes(window: Window) -> bytes:
    """Makes the message that carries a window, serialised."""
    return bytes(serialize_message(convert.window_to_msg(window)))


def window_from_bytes(data: bytes) -> Window:
    """Reads a serialised and padded window. Raises BadBatch."""
    return convert.window_from_msg(_deserialised(data, WindowMsg))


def embedding_to_bytes(embedding: Embedding) -> bytes:
    """Makes the message that carries an embedding, serialised."""
    return bytes(serialize_message(convert.embedding_to_msg(embedding)))


def embedding_from_bytes(data: bytes) -> Embedding:
    """Reads a serialised and padded embedding. Raises BadBatch."""
    return convert.embedding_from_msg(_deserialised(data, EmbeddingMsg))


def status_to_bytes(status: WorkerStatus) -> bytes:
    """Makes the message of a heartbeat, serialised."""
    return bytes(serialize_message(convert.status_to_msg(status)))


def status_from_bytes(data: bytes, process: str) -> WorkerStatus:
    """Reads a serialised and padded heartbeat. Raises BadBatch."""
    return convert.status_from_msg(_deserialised(data, StatusMsg), process)


def _deserialised(data: bytes, kind: type[Any]) -> Any:
    """Raises BadBatch if the padded bytes are no message of this kind."""
    try:
        return deserialize_message(bytes(unpadded(data)), kind)
    except BadBatch:
        raise
    except Exception as error:  # each DDS has errors of its own
        raise BadBatch(f'no {kind.__name__}: {error!s:.100}') from None
