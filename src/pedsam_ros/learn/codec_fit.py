"""Fits a codec to the tokens that a model makes of some images.

The directions are the principal components of these tokens. For each number of bits that a
coordinate may have, the step with the least squared error is found. Then bits are given to octets,
one after the other, always where one saves the most error.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch import Tensor

from pedsam_ros.core.codec import RATIOS, token_bytes
from pedsam_ros.core.errors import BadImage, ConfigError
from pedsam_ros.core.files import read_image
from pedsam_ros.core.model import preprocess
from pedsam_ros.core.model.bit_packing import MOST_BITS, OCTET
from pedsam_ros.core.model.fitted_codec import FittedCodec
from pedsam_ros.core.model.worker_half import WorkerHalf
from pedsam_ros.core.types import Pixels, Values
from pedsam_ros.core.windows import Canvas, drawn_shift, partition, token_grid
from pedsam_ros.learn.photo_folder import random_part

Doubles = NDArray[np.float64]
_SAMPLED = 20_000  # tokens on which steps are tried
_AT_ONCE = 25  # windows that are encoded together
_LEAST_STEP = 1e-5
_REACHES = (0.7, 1.0, 1.3, 1.6, 2.0, 2.4, 2.8, 3.3, 3.8, 4.5, 5.5, 7.0)
# Half of the range that the values of a coordinate cover, in standard deviations: what is tried.


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A codec, and the share of the variance of the tokens that it loses at each of RATIOS."""

    codec: FittedCodec
    lost: tuple[float, ...]
    tokens: int  # that it was fitted to


def shown(paths: Sequence[Path], count: int, rng: Generator) -> Iterator[Pixels]:
    """Yields `count` random parts of images, half of them mirrored; the images take turns, in a
    random order.

    Files that cannot be read are passed over. Raises ConfigError if none can.
    """
    turns, failed = cycle(rng.permutation(len(paths)).tolist()), 0
    while count and failed < len(paths):
        try:
            image = read_image(paths[next(turns)])
        except BadImage:
            failed += 1
            continue
        yield random_part(image, rng)
        count, failed = count - 1, 0
    if count:
        raise ConfigError(f'{paths[0].parent}: none of {len(paths)} images can be read')


def fit(worker: WorkerHalf, images: Iterable[Pixels], count: int, rng: Generator) -> Fit:
    """Fits a codec to what the worker's half makes of `count` images, (H, W, 3) uint8, each with
    another partition. Raises ConfigError if the model's tokens have too few channels."""
    channels = worker.arch.dim
    if channels < OCTET:
        raise ConfigError(f'dim={channels}: a codec needs {OCTET} channels at least')
    total: Doubles = np.zeros(channels)
    squares: Doubles = np.zeros((channels, channels))
    seen = 0
    samples: list[Values] = []
    for image in images:
        tokens = _tokens(worker, image, rng)
        exact = tokens.astype(np.float64)
        total, squares, seen = total + exact.sum(0), squares + exact.T @ exact, seen + len(tokens)
        chosen = rng.permutation(len(tokens))[: max(1, _SAMPLED // count)]
        samples.append(tokens[chosen])
    mean = total / seen
    basis = _directions(squares / seen - np.outer(mean, mean))
    sampled = np.concatenate(samples) - mean.astype(np.float32)
    places = sampled @ basis.astype(np.float32)
    return _fitted(mean, basis, places, float(np.square(sampled).sum(1).mean()), seen)


def _tokens(worker: WorkerHalf, image: Pixels, rng: Generator) -> Values:
    """(N, C) float32: the tokens of all windows of an image that hold content."""
    shift = drawn_shift(worker.arch, rng)
    canvas = Canvas.fit(worker.arch, *image.shape[:2], shift=shift)
    content = preprocess.resize(image, canvas.content)
    parts = partition(content, canvas.grid, canvas.corner)
    grid, indices = token_grid(worker.arch, canvas.offset), [*parts]
    found: list[Values] = []
    for first in range(0, len(indices), _AT_ONCE):
        some = indices[first : first + _AT_ONCE]
        places, corners = [grid.place(i) for i in some], [canvas.content_corner(i) for i in some]
        found += worker.tokens(places, [parts[i] for i in some], corners)
    return np.concatenate([tokens.reshape(-1, worker.arch.dim) for tokens in found])


def _directions(covariance: Doubles) -> Doubles:
    """(C, K) orthonormal columns, those of the widest spread first; K the most octets."""
    _, vectors = np.linalg.eigh(covariance)
    found = vectors[:, ::-1][:, : len(covariance) // OCTET * OCTET]
    largest = np.abs(found).argmax(0)
    signs: Doubles = np.sign(found[largest, np.arange(found.shape[1])])
    return found * signs  # so that equal tokens give equal signs


def _fitted(mean: Doubles, basis: Doubles, places: Values, variance: float, seen: int) -> Fit:
    """Chooses steps and bits for coordinates (N, K), as the basis gives them."""
    steps, errors = _tried(places)
    budgets = [token_bytes(len(mean), ratio) for ratio in RATIOS]
    bits = np.stack([_shared(errors, budget) for budget in budgets])
    kept = OCTET * int((bits > 0).any(0).sum())
    each = bits.repeat(OCTET, axis=1)
    columns = np.arange(each.shape[1])
    codec = FittedCodec(
        mean=_float(mean),
        basis=_float(basis[:, :kept]),
        steps=_float(np.maximum(steps[each, columns][:, :kept], _LEAST_STEP)),
        bits=_float(bits[:, : kept // OCTET]),
    )
    cut = variance - errors[0].sum()  # by channels beyond the last whole octet
    lost = tuple(float((cut + errors[row, columns].sum()) / variance) for row in each)
    return Fit(codec, lost, seen)


def _tried(places: Values) -> tuple[Doubles, Doubles]:
    """For each number of bits and each coordinate, (9, K): the best step, and its mean squared
    error; without bits the error is the variance."""
    spread = np.sqrt(np.square(places).mean(0, dtype=np.float64))
    spread = np.maximum(spread, 1e-5 * (spread.max() + 1.0))  # a step must not be 0
    steps = np.tile(spread, (MOST_BITS + 1, 1))
    errors = np.full(steps.shape, np.inf)
    errors[0] = np.square(places).mean(0, dtype=np.float64)
    for bits in range(1, MOST_BITS + 1):
        middle = (2**bits - 1) / 2
        for reach in _REACHES:
            step = (spread * reach / 2 ** (bits - 1)).astype(np.float32)
            there = np.clip(np.rint(places / step + np.float32(middle)), 0, 2 * middle)
            error = np.square((there - middle) * step - places).mean(0, dtype=np.float64)
            better = error < errors[bits]
            errors[bits] = np.where(better, error, errors[bits])
            steps[bits] = np.where(better, step, steps[bits])
    return steps, errors


def _shared(errors: Doubles, budget: int) -> NDArray[np.int64]:
    """Gives `budget` bits to octets, one bit at a time, where it saves most: (K / 8,), falling."""
    octets = errors.reshape(len(errors), -1, OCTET).sum(-1)
    bits = np.zeros(octets.shape[1], np.int64)
    numbers = np.arange(len(bits))
    for _ in range(budget):
        more = np.minimum(bits + 1, MOST_BITS)
        saved = np.where(bits < MOST_BITS, octets[bits, numbers] - octets[more, numbers], -np.inf)
        bits[saved.argmax()] += 1
    return np.sort(bits)[::-1]


def _float(values: NDArray[np.generic]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))
