"""Turns embeddings back into pixels with one matrix, fitted in closed form."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch

from pedsam_ros.audit.attack import History, Needs, Own, Picture, Seen
from pedsam_ros.audit.inversion import known, laid
from pedsam_ros.core.model.preprocess import PIXEL_MEAN
from pedsam_ros.core.types import Pixels, Values

NEEDS = Needs.EMBEDDINGS
_STRENGTH = 1.0  # of the ridge; from 0.01 to 1 nothing changes, 30 costs 0.15 dB
_AT_ONCE = 256  # windows whose products are added together


def attack(view: Pixels, seen: Seen, history: History) -> Picture:
    """Guesses the pixels of each embedding. Raises ValueError without windows to learn from."""
    return laid(view, seen, history, fitted(known(history)))


@dataclass(frozen=True, slots=True, eq=False)
class Ridge:
    """Reads a patch from its token and the eight around it."""

    matrix: Values  # (9 C + 1, patch_px * patch_px * 3) float32
    patch_px: int

    def __call__(self, tokens: Values) -> Picture:
        """(rows, columns, C) float32 tokens -> (rows * P, columns * P, 3) float32, 0..255."""
        rows, columns = tokens.shape[:2]
        size = self.patch_px
        found = torch.from_numpy(_features(tokens)) @ torch.from_numpy(self.matrix)
        patches = found.numpy().reshape(rows, columns, size, size, 3)
        joined = patches.transpose(0, 2, 1, 3, 4).reshape(rows * size, columns * size, 3)
        return np.clip(joined, 0, 255).astype(np.float32)


@lru_cache(maxsize=1)  # the same windows serve for many frames
def fitted(own: Own) -> Ridge:
    """The matrix with the least squared error over the adversary's own windows."""
    patch_px = _patch_px(own)
    size = 9 * own.tokens[0].shape[-1] + 1
    left = np.zeros((size, size))
    right = np.zeros((size, 3 * patch_px**2))
    for first in range(0, len(own.tokens), _AT_ONCE):
        some = slice(first, first + _AT_ONCE)
        x = np.concatenate([_features(tokens) for tokens in own.tokens[some]])
        pairs = zip(own.pixels[some], own.tokens[some], strict=True)
        y = np.concatenate([_patches(pixels, tokens.shape, patch_px) for pixels, tokens in pairs])
        left += x.T @ x
        right += x.T @ y
    matrix = np.linalg.solve(left + _STRENGTH * np.eye(size), right)
    return Ridge(matrix.astype(np.float32), patch_px)


def _patch_px(own: Own) -> int:
    """The side of a token, px: windows at the rim may hold less than their tokens cover."""
    pairs = zip(own.pixels, own.tokens, strict=True)
    return max(-(-p.shape[axis] // t.shape[axis]) for p, t in pairs for axis in (0, 1))


def _features(tokens: Values) -> Values:
    """(rows * columns, 9 C + 1): each token, the eight around it, zero outside, and a one."""
    rows, columns, channels = tokens.shape
    around = np.pad(tokens, ((1, 1), (1, 1), (0, 0)))
    near = [around[i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    flat = np.concatenate(near, axis=-1).reshape(rows * columns, 9 * channels)
    return np.concatenate([flat, np.ones((len(flat), 1), np.float32)], axis=1)


def _patches(pixels: Pixels, shape: tuple[int, ...], size: int) -> Values:
    """(rows * columns, size * size * 3): the pixels of each token; padding has the mean colour."""
    rows, columns = shape[:2]
    whole = np.empty((rows * size, columns * size, 3), np.float32)
    whole[:] = PIXEL_MEAN
    whole[: pixels.shape[0], : pixels.shape[1]] = pixels
    cut = whole.reshape(rows, size, columns, size, 3).transpose(0, 2, 1, 3, 4)
    return cut.reshape(rows * columns, size * size * 3)
