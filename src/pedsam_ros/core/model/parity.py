"""Shows that an exported half computes what torch does, on a picture that is drawn from a seed.

A runtime may round otherwise, but a wrong kernel or an overflow gives plausible numbers as well.
So a graph carries what torch gave for this picture, and every load compares.
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
from pedsam_ros.core.types import Pixels, Values

TOLERANCES = {'float32': 1e-3, 'float16': 0.02, 'int8': 0.15}  # of `error`, by precision
_VALUES = 2**16  # of each result that are compared, at least
_STEP = 2654435761  # prime: places so far apart are spread over all of them
_SHAPES = 60
_NOISE = 12  # grey levels


def picture(side: int) -> Pixels:
    """(side, side, 3) uint8: rectangles of all sizes and colours, with noise; equal everywhere."""
    random = RandomState(0)  # its numbers stay the same in all versions of NumPy
    drawn = np.full((side, side, 3), 128, np.int64)
    for _ in range(_SHAPES):
        top, left = random.randint(0, side, 2)
        high, wide = random.randint(1, side // 2 + 1, 2)
        drawn[top : top + high, left : left + wide] = random.randint(0, 256, 3)
    drawn += random.randint(-_NOISE, _NOISE + 1, drawn.shape)
    return drawn.clip(0, 255).astype(np.uint8)


def places(arch: Architecture) -> NDArray[np.int64]:
    """(3, 2): the row and column of the first token of windows: one on the canvas, one that
    reaches over its first row and column, one over its last row."""
    last, half = arch.tokens - 1, arch.window // 2
    return np.array([[0, 0], [-half, -half], [last, max(0, last - arch.window)]], np.int64)


def windows(canvas: Values, arch: Architecture) -> Values:
    """(3, P, P) of each of `places`, (N, 3, P, P), cut out of (3, H, H); zero outside of it."""
    side, patch = arch.window_px, arch.patch_px
    around = np.pad(canvas, ((0, 0), (side, side), (side, side)))
    corners = places(arch) * patch + side
    cut = [around[:, y : y + side, x : x + side] for y, x in corners]
    return np.stack(cut).astype(np.float32)


def compared(result: Values, half: str) -> Values:
    """(N, k, C): tokens, spread over all of each of N results of a half: (N, S, S, C) of the
    worker's, (N, C, S, S) of the edge's."""
    last = result if half == 'worker' else np.moveaxis(result, 1, -1)
    channels = last.shape[-1]
    tokens = last.reshape(len(last), -1, channels)
    chosen = np.arange(min(tokens.shape[1], max(8, _VALUES // channels)), dtype=np.int64)
    return np.ascontiguousarray(tokens[:, chosen * _STEP % tokens.shape[1]], np.float32)


def error(found: Values, expected: Values) -> float:
    """How far values (N, k, C) are from those expected: the root mean square of the difference as
    a share of that by which the expected ones differ from token to token, where it is worst.

    What all tokens have in common does not count: it hides what went wrong. Infinite if a value is
    not finite.
    """
    if not np.isfinite(found).all():
        return float('inf')
    exact = expected.astype(np.float64)
    spread = np.square(exact - exact.mean(1, keepdims=True)).mean((1, 2))
    wrong = np.square(found - exact).mean((1, 2))
    return float(np.sqrt(wrong / spread).max())


def packed(values: Values, kind: str = '<f4') -> str:
    """Values as text, for `unpacked`; `kind` is '<f4' or '<f2'."""
    return base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()


def unpacked(
    told: Mapping[str, str], name: str, shape: tuple[int, ...], kind: str = '<f4'
) -> Values:
    """The float32 values of a shape in the text under a name. Raises WeightsError if it is no such
    text, or a value is not finite."""
    text = told.get(name, '')
    try:
        given = np.frombuffer(base64.b64decode(text, validate=True), kind).astype(np.float32)
    except (binascii.Error, ValueError):
        given = np.empty(0, np.float32)
    if given.size != np.prod(shape) or not np.isfinite(given).all():
        raise WeightsError(f'{name}: {len(text)} characters are not finite values of {shape}')
    return given.reshape(shape)
