"""Packs embeddings into bytes: float32, float16, or int8 with one scale for each token.

Bytes are little endian and row-major; the scales follow the values. Relative error, measured on
random weights: float16 2e-4, int8 7e-3.
"""

from __future__ import annotations

import numpy as np

from pedsam_ros.core.errors import BadBatch
from pedsam_ros.core.shown import written
from pedsam_ros.core.types import Values

DTYPES = ('float32', 'float16', 'int8')


def encode(tokens: Values, dtype: str) -> bytes:
    """(h, w, C) float32 -> bytes. Raises BadBatch if the dtype is unknown."""
    if dtype == 'float32':
        return _bytes(tokens, '<f4')
    if dtype == 'float16':
        return _bytes(np.clip(tokens, -65504, 65504), '<f2')
    if dtype == 'int8':
        scale = np.maximum(np.abs(tokens).max(-1, keepdims=True) / 127, np.float32(1e-12))
        return _bytes(np.rint(tokens / scale), 'i1') + _bytes(scale, '<f4')
    raise BadBatch(f'dtype={written(dtype)}: one of {", ".join(DTYPES)}')


def decode(values: bytes | memoryview, shape: tuple[int, int, int], dtype: str) -> Values:
    """Inverse of `encode`, up to rounding: (h, w, C) float32.

    Raises BadBatch if the dtype is unknown, the size is wrong, or a value is NaN or infinite.
    """
    if len(values) != size_bytes(shape, dtype):
        raise BadBatch(f'{len(values)} bytes: {shape} {dtype} has {size_bytes(shape, dtype)}')
    count = int(np.prod(shape))
    tokens: Values
    if dtype == 'int8':
        scale = np.frombuffer(values, '<f4', offset=count).reshape(*shape[:2], 1)
        tokens = np.frombuffer(values, np.int8, count).reshape(shape) * scale
    else:
        tokens = np.frombuffer(values, '<f4' if dtype == 'float32' else '<f2').reshape(shape)
    if not np.isfinite(tokens).all():
        raise BadBatch('embedding holds NaN or infinite values')
    return np.asarray(tokens, np.float32)


def size_bytes(shape: tuple[int, int, int], dtype: str) -> int:
    """Size of an encoded (h, w, C) embedding. Raises BadBatch if the dtype is unknown."""
    height, width, channels = shape
    per_token = {'float32': 4 * channels, 'float16': 2 * channels, 'int8': channels + 4}
    if dtype not in per_token:
        raise BadBatch(f'dtype={written(dtype)}: one of {", ".join(DTYPES)}')
    return height * width * per_token[dtype]


def _bytes(values: Values, dtype: str) -> bytes:
    data: bytes = values.astype(dtype).tobytes()
    return data
