"""Packs embeddings into bytes: float32, float16, or int8 with one scale for each token.

Bytes are little endian and row-major; the scales follow the values. Relative error, measured on
random weights: float16 2e-4, int8 7e-3.

A model may also have a codec of its own, which packs them tighter: core/model/fitted_codec.py.
On the wire its name says which codec it is and how tight: `c8:0123456789ab`.
"""

from __future__ import annotations

import re

import numpy as np

from pedsam_ros.core.errors import BadBatch
from pedsam_ros.core.shown import written
from pedsam_ros.core.types import Values

DTYPES = ('float32', 'float16', 'int8')
FITTED = 'codec'  # the transport of a codec that is fitted to the model
TRANSPORTS = (*DTYPES, FITTED)
RATIOS = (4, 8, 16)  # of a fitted codec: the bytes of float16 to its own
ID_DIGITS = 12  # hexadecimal, of a fitted codec's id
_FITTED = re.compile(rf'c({"|".join(map(str, RATIOS))}):[0-9a-f]{{{ID_DIGITS}}}')


def fitted_dtype(ratio: int, codec_id: str) -> str:
    """The name on the wire of a fitted codec at one of RATIOS, 16 characters at most."""
    return f'c{ratio}:{codec_id}'


def ratio_of(dtype: str) -> int:
    """The ratio of a fitted codec by its name on the wire; 0 if this is no such name."""
    found = _FITTED.fullmatch(dtype)
    return int(found[1]) if found else 0


def id_of(dtype: str) -> str:
    """The id of a fitted codec by its name on the wire; empty if this is no such name."""
    return dtype[-ID_DIGITS:] if ratio_of(dtype) else ''


def encode(tokens: Values, dtype: str) -> bytes:
    """(h, w, C) float32 -> bytes. Raises BadBatch unless the dtype is one of DTYPES."""
    if dtype == 'float32':
        return _bytes(tokens, '<f4')
    if dtype == 'float16':
        return _bytes(np.clip(tokens, -65504, 65504), '<f2')
    if dtype == 'int8':
        scale = np.maximum(np.abs(tokens).max(-1, keepdims=True) / 127, np.float32(1e-12))
        return _bytes(np.rint(tokens / scale), 'i1') + _bytes(scale, '<f4')
    raise _unknown(dtype)


def decode(values: bytes | memoryview, shape: tuple[int, int, int], dtype: str) -> Values:
    """Inverse of `encode`, up to rounding: (h, w, C) float32.

    Raises BadBatch if the dtype is none of DTYPES, the size is wrong, or a value is NaN or
    infinite.
    """
    if dtype not in DTYPES:
        raise _unknown(dtype)
    check_size(values, shape, dtype)
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


def check_size(values: bytes | memoryview, shape: tuple[int, int, int], dtype: str) -> None:
    """Raises BadBatch unless the bytes are as many as `size_bytes` says."""
    if len(values) != size_bytes(shape, dtype):
        raise BadBatch(f'{len(values)} bytes: {shape} {dtype} has {size_bytes(shape, dtype)}')


def size_bytes(shape: tuple[int, int, int], dtype: str) -> int:
    """Size of an encoded (h, w, C) embedding; that of a fitted codec follows from its name.

    Raises BadBatch if the dtype is unknown.
    """
    height, width, channels = shape
    per_token = {'float32': 4 * channels, 'float16': 2 * channels, 'int8': channels + 4}
    if ratio := ratio_of(dtype):
        return height * width * token_bytes(channels, ratio)
    if dtype not in per_token:
        raise _unknown(dtype)
    return height * width * per_token[dtype]


def token_bytes(channels: int, ratio: int) -> int:
    """How many bytes a fitted codec makes of a token."""
    return 2 * channels // ratio


def _unknown(dtype: str) -> BadBatch:
    return BadBatch(f'dtype={written(dtype)}: one of {", ".join(DTYPES)}')


def _bytes(values: Values, dtype: str) -> bytes:
    data: bytes = values.astype(dtype).tobytes()
    return data
