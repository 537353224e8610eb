"""Inputs made from a seed, by which an exported half shows that it computes what torch does.

A runtime may round otherwise, but a wrong kernel or an overflow gives finite, plausible numbers
as well. So a graph carries some of the values that torch gave for these inputs.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import WeightsError
from pedsam_ros.core.types import Values

TOLERANCES = {'float32': 1e-3, 'float16': 0.03, 'int8': 0.1}  # of `error`, by precision
_VALUES = 4096  # of each result that are compared
_WAVES = 4  # that make up a picture: the variance of each is a quarter
_STEP = 2654435761  # prime, so that the values compared are spread over places and channels


def windows(arch: Architecture) -> dict[str, NDArray[np.generic]]:
    """Three windows for a worker's half: one on the canvas, one that reaches over its first row
    and column, one over its last row.

    `pixels` (3, 3, P, P) float32, normalised; `places` (3, 2) int64.
    """
    last, half = arch.tokens - 1, arch.window // 2
    places = np.array([[0, 0], [-half, -half], [last, max(0, last - arch.window)]], np.int64)
    pictures = [_picture(seed, 3, arch.window_px) for seed in range(len(places))]
    return {'pixels': np.stack(pictures), 'places': places}


def tokens(arch: Architecture, mean: Values, spread: Values) -> dict[str, NDArray[np.generic]]:
    """Tokens for an edge's half, `tokens` (1, T, T, C) float32, whose channels have a mean and a
    spread, (C,) each."""
    picture = _picture(0, arch.dim, arch.tokens).transpose(1, 2, 0)
    return {'tokens': (mean + spread * picture)[None].astype(np.float32)}


def compared(result: Values) -> Values:
    """(N, ...) results -> (N, k) of their values, spread over all of each."""
    flat = result.reshape(len(result), -1)
    chosen = np.arange(min(_VALUES, flat.shape[1]), dtype=np.int64) * _STEP % flat.shape[1]
    return np.ascontiguousarray(flat[:, chosen], np.float32)


def error(found: Values, expected: Values) -> float:
    """How far values are from those expected, (N, k) each: the root mean square of the difference
    as a share of that of the expected ones, where it is worst. Infinite if one is not finite."""
    if not np.isfinite(found).all():
        return float('inf')
    wrong = np.square(found.astype(np.float64) - expected).mean(1)
    return float(np.sqrt(wrong / np.square(expected.astype(np.float64)).mean(1)).max())


def packed(values: Values) -> str:
    """Float32 values as text, for `unpacked`."""
    return base64.b64encode(np.ascontiguousarray(values, '<f4').tobytes()).decode()


def unpacked(told: Mapping[str, str], name: str, shape: tuple[int, int]) -> Values:
    """(N, k) values of the text under a name; k may be smaller than asked for. Raises WeightsError
    if it is no such text."""
    text, (rows, most) = told.get(name, ''), shape
    try:
        given = np.frombuffer(base64.b64decode(text, validate=True), '<f4').astype(np.float32)
    except (binascii.Error, ValueError):
        given = np.empty(0, np.float32)
    if not 0 < given.size <= rows * most or given.size % rows or not np.isfinite(given).all():
        raise WeightsError(f'{name}: {len(text)} characters are not {rows}x{most} finite numbers')
    return given.reshape(rows, -1)


def expected_of(told: Mapping[str, str], rows: int) -> Values:
    """(N, k): the values that torch gave for N inputs, as a graph tells them. Raises
    WeightsError."""
    return unpacked(told, 'expected', (rows, _VALUES))


def _picture(seed: int, channels: int, side: int) -> Values:
    """(channels, side, side) smooth values of mean 0 and variance 1, equal on every machine up to
    the last digits: waves of random length and phase."""
    random = RandomState(seed)  # its numbers stay the same in all versions of NumPy
    across, down, phase = random.uniform(-3, 3, (3, channels, _WAVES, 1))
    at = np.arange(side) / side * 2 * np.pi
    rows, columns = np.sin(down * at + phase), np.cos(across * at)
    waves: Values = np.einsum('cwy,cwx->cyx', rows, columns).astype(np.float32)
    return waves
