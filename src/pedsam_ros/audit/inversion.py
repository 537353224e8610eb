"""What every inversion of embeddings needs: windows to learn from; a picture of its guesses."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

import numpy as np

from pedsam_ros.audit import placed
from pedsam_ros.audit.attack import History, Own, Picture, Seen
from pedsam_ros.core import codec
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.model import fitted_codec, preprocess
from pedsam_ros.core.model.fitted_codec import FittedCodec
from pedsam_ros.core.model.worker_half import WorkerHalf
from pedsam_ros.core.types import Embedding, Pixels, Values
from pedsam_ros.core.windows import Canvas, merge, pixel_grid, token_grid

Inverse: TypeAlias = Callable[[Values], Picture]  # (rows, columns, C) tokens -> their pixels

ROUNDED = 'int8'  # who learns from the coarsest tokens reads the finer ones as well
_LEAST_OF_IT, _MOST_OF_IT = 0.4, 0.8  # side of the smallest crop, as a share of the frame's
_AT_ONCE = 16  # windows that are encoded together


def own_windows(
    frames: Sequence[Pixels], worker: WorkerHalf, views: int, random: np.random.Generator
) -> Own:
    """Shows frames of one scene to the worker's half, in turn, until there were so many views.

    The first is shown as it is. Later ones are cropped, mirrored, brighter or darker, and have
    their colours exchanged: with few photographs this is worth 2 dB. Tokens are rounded as the
    codec does for int8.
    """
    pixels: list[Pixels] = []
    tokens: list[Values] = []
    for number in range(views):
        frame = frames[number * len(frames) // views]
        shown = _changed(frame, worker.arch, random) if number else frame
        canvas = Canvas.fit(worker.arch, *shown.shape[:2])
        parts = windows_of(shown, canvas)
        pixels += parts.values()
        tokens += (_rounded(each) for each in encoded(worker, parts, canvas).values())
    return Own(pixels, tokens)


def joined(some: Sequence[Own]) -> Own:
    """All windows of several photographs."""
    return Own([p for own in some for p in own.pixels], [t for own in some for t in own.tokens])


def windows_of(photo: Pixels, canvas: Canvas) -> dict[int, Pixels]:
    """Cuts a photograph as the edge does."""
    return placed.cut(canvas, preprocess.resize(photo, canvas.content))


def encoded(worker: WorkerHalf, parts: Mapping[int, Pixels], canvas: Canvas) -> dict[int, Values]:
    """The tokens of some windows of a canvas, before the codec."""
    indices, grid = list(parts), token_grid(worker.arch, canvas.offset)
    found: dict[int, Values] = {}
    for first in range(0, len(indices), _AT_ONCE):
        some = indices[first : first + _AT_ONCE]
        places = [grid.place(i) for i in some]
        corners = [canvas.content_corner(i) for i in some]
        found |= zip(some, worker.tokens(places, [parts[i] for i in some], corners), strict=True)
    return found


def repacked(own: Own, dtype: str, fitted: FittedCodec) -> Own:
    """The same windows, their tokens as they are after their way through a codec."""
    return Own(own.pixels, [fitted_codec.repacked(each, dtype, fitted) for each in own.tokens])


def embedded(tokens: Mapping[int, Values], dtype: str) -> dict[int, Embedding]:
    """The tokens of windows, packed for the way back. Raises BadBatch for an unknown dtype."""
    found = {}
    for index, each in tokens.items():
        height, width, channels = each.shape
        values = codec.encode(each, dtype)
        found[index] = Embedding(0, '', index, (height, width, channels), dtype, values)
    return found


def known(history: History) -> Own:
    """What the adversary learns from. Raises ValueError if it has nothing."""
    if history.own is None or not history.own.pixels:
        raise ValueError('own: no windows of its own; an inversion needs some to learn from')
    return history.own


def laid(view: Pixels, seen: Seen, history: History, inverse: Inverse) -> Picture:
    """The view, with the inverted embeddings where nothing was seen."""
    grid, (top, left) = pixel_grid(history.arch, history.shift.offset), history.shift.corner
    inside = slice(top, top + view.shape[0]), slice(left, left + view.shape[1])
    base = np.zeros((grid.extent, grid.extent, 3), np.float32)
    base[inside] = view
    parts = {index: inverse(opened(each)) for index, each in history.embeddings.items()}
    guess = merge(parts, grid, base)[inside]
    return np.where(seen[..., None], view, guess).astype(np.float32)


def opened(embedding: Embedding) -> Values:
    """(rows, columns, C) float32: what an embedding carries. Raises BadBatch."""
    return codec.decode(embedding.values, embedding.shape, embedding.dtype)


def _rounded(tokens: Values) -> Values:
    height, width, channels = tokens.shape
    shape = (height, width, channels)
    return codec.decode(codec.encode(tokens, ROUNDED), shape, ROUNDED)


def _changed(frame: Pixels, arch: Architecture, random: np.random.Generator) -> Pixels:
    part = _crop(frame, arch.image_px, random)
    if random.random() < 0.5:
        part = part[:, ::-1]
    contrast, brightness = random.uniform(0.6, 1.4), random.uniform(-40, 40)
    levels = (part[..., random.permutation(3)] - 128.0) * contrast + 128 + brightness
    return np.asarray(np.clip(levels, 0, 255).round(), np.uint8)


def _crop(frame: Pixels, canvas_px: int, random: np.random.Generator) -> Pixels:
    """A part of the frame that is hardly enlarged on the canvas: blur would be learned."""
    height, width = frame.shape[:2]
    least = min(_MOST_OF_IT, max(_LEAST_OF_IT, canvas_px / max(height, width)))
    scale = random.uniform(least, 1)
    h, w = max(1, int(height * scale)), max(1, int(width * scale))
    top, left = random.integers(0, height - h + 1), random.integers(0, width - w + 1)
    return frame[top : top + h, left : left + w]
