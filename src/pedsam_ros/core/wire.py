"""What travels between edge and worker: the most bytes of each message, and how much of it is
padding. The bounds are those of msg/*.msg."""

from __future__ import annotations

from pedsam_ros.core import codec
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import BadBatch, ConfigError

MOST_PIXELS = 150_528  # bytes of a window: 224 x 224 RGB
MOST_VALUES = 1_003_520  # bytes of an embedding: 14 x 14 tokens of 1280 float32
MOST_TEXT = 64  # characters of a model's id and of its name
MOST_ERROR = 200  # characters of the last error
MOST_S = 3600.0  # the longest time that a message may name, s
STATUS_SIZE = 1024  # of every padded heartbeat
_HEAD = 256  # the fields beside pixels and values take less
_LENGTH = 4  # bytes that tell how much is not padding


def window_size(arch: Architecture) -> int:
    """The size of every padded window of a model, bytes."""
    return 3 * arch.window_px**2 + _HEAD


def embedding_size(arch: Architecture, dtype: str) -> int:
    """The size of every padded embedding of a model, bytes. Raises BadBatch if the dtype is
    unknown."""
    return codec.size_bytes(_whole(arch), dtype) + _HEAD


def check(arch: Architecture) -> None:
    """Raises ConfigError if a model's windows or embeddings are too large for our messages."""
    pixels, values = 3 * arch.window_px**2, codec.size_bytes(_whole(arch), 'float32')
    if pixels > MOST_PIXELS or values > MOST_VALUES:
        raise ConfigError(
            f'architecture={arch.name}: a window has {pixels} bytes and its embedding {values}; '
            f'messages hold {MOST_PIXELS} and {MOST_VALUES}'
        )


def padded(content: bytes, size: int) -> bytes:
    """The content behind its length, filled up with zeros to `size` bytes. Content that is larger
    gets no padding."""
    filling = bytes(max(0, size - _LENGTH - len(content)))
    return b''.join((len(content).to_bytes(_LENGTH, 'little'), content, filling))


def unpadded(data: bytes | memoryview) -> memoryview:
    """Inverse of `padded`. Raises BadBatch if there is less than the length says."""
    view = memoryview(data)
    length = int.from_bytes(view[:_LENGTH], 'little')
    if len(view) < _LENGTH + length:
        raise BadBatch(f'{len(view)} bytes: {_LENGTH + length} announced')
    return view[_LENGTH : _LENGTH + length]


def _whole(arch: Architecture) -> tuple[int, int, int]:
    return arch.window, arch.window, arch.dim
