"""Embeddings are packed into bytes and read back, and malformed bytes are refused."""

import numpy as np
import pytest

from pedsam_ros.core import codec
from pedsam_ros.core.errors import BadBatch

SHAPE = (4, 2, 32)
TOKENS = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32) * 3


@pytest.mark.parametrize(
    ('dtype', 'relative'), [('float32', 0), ('float16', 5e-4), ('int8', 1e-2)]
)
def test_what_is_encoded_comes_back(dtype, relative):
    """The error, relative to each token's largest value, stays within the type's rounding."""
    data = codec.encode(TOKENS, dtype)
    assert len(data) == codec.size_bytes(SHAPE, dtype)
    error = np.abs(codec.decode(data, SHAPE, dtype) - TOKENS) / np.abs(TOKENS).max(
        -1, keepdims=True
    )
    assert error.max() <= relative


def test_an_outlier_spoils_only_its_own_token():
    """This holds because int8 has a scale for each token."""
    tokens = TOKENS.copy()
    tokens[0, 0, 0] = 1000
    back = codec.decode(codec.encode(tokens, 'int8'), SHAPE, 'int8')
    assert np.abs(back - tokens)[1:].max() < 0.1


def test_values_beyond_float16_are_clipped():
    """A finite value does not become infinite."""
    back = codec.decode(codec.encode(TOKENS * 1e6, 'float16'), SHAPE, 'float16')
    assert np.abs(back).max() == 65504


def test_zeros_survive_int8():
    """A token of zeros is not divided by a scale of zero."""
    zeros = np.zeros(SHAPE, np.float32)
    assert (codec.decode(codec.encode(zeros, 'int8'), SHAPE, 'int8') == 0).all()


@pytest.mark.parametrize('dtype', ['float32', 'float16'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(dtype, value):
    """A single NaN or infinite value is enough."""
    tokens = TOKENS.copy()
    tokens[3, 1, 31] = value
    data = tokens.astype('<f4' if dtype == 'float32' else '<f2').tobytes()
    with pytest.raises(BadBatch, match='NaN or infinite'):
        codec.decode(data, SHAPE, dtype)


def test_scales_that_are_not_finite_are_refused():
    """The worker also chooses the scales of int8, so they are checked like values."""
    data = bytes(4 * 2 * 32) + np.full(8, np.nan, '<f4').tobytes()
    with pytest.raises(BadBatch, match='NaN or infinite'):
        codec.decode(data, SHAPE, 'int8')


def test_wrong_size_and_type_are_named():
    """The error names a wrong size or an unknown type."""
    with pytest.raises(BadBatch, match='100 bytes'):
        codec.decode(bytes(100), SHAPE, 'float16')
    with pytest.raises(BadBatch, match='bfloat16'):
        codec.encode(TOKENS, 'bfloat16')
    with pytest.raises(BadBatch, match='bfloat16'):
        codec.size_bytes(SHAPE, 'bfloat16')
