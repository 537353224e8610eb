"""All that a worker computes: windows in, embeddings out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from pedsam_ros.core import codec
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import BadBatch
from pedsam_ros.core.model import fitted_codec, preprocess
from pedsam_ros.core.model.fitted_codec import FittedCodec
from pedsam_ros.core.shown import written
from pedsam_ros.core.types import Embedding, Pixels, Values, Window
from pedsam_ros.core.windows import Place, Span, pixel_grid, token_grid


@dataclass(frozen=True, slots=True, eq=False)
class WorkerHalf:
    """The worker's half of a model, ready to encode windows."""

    arch: Architecture
    model_id: str
    encoder: Any  # a WindowEncoder, or an OnnxHalf in its place
    fitted: FittedCodec | None = None  # the codec of this model, if it has one
    computed_by: str = 'torch'  # what runs the encoder, and in which precision, in words

    def check(self, window: Window) -> None:
        """Raises BadBatch unless the window fits this model."""
        if window.model_id != self.model_id:
            raise BadBatch(
                f'model_id={written(window.model_id)}: this worker runs {self.model_id}'
            )
        own = codec.DTYPES + (self.fitted.dtypes if self.fitted else ())
        if window.reply_dtype not in own:
            told = written(window.reply_dtype)
            raise BadBatch(f'reply_dtype={told}: this worker has {", ".join(own)}')
        if not all(0 <= each < self.arch.window for each in window.offset):
            raise BadBatch(f'offset={window.offset}: each from 0 to {self.arch.window - 1}')
        grid = pixel_grid(self.arch, window.offset)
        place, spans = grid.place(window.index), grid.span(window.index)
        for at, span, begin, length in zip(
            place, spans, window.corner, window.pixels.shape, strict=False
        ):
            first, last = span.start - at, span.stop - at
            if not (first <= begin and begin + length <= last):
                told = f'{length} px from {begin} on, of {first} to {last}'
                raise BadBatch(f'window={window.index}: {told}')
        rows, columns, colours = window.pixels.shape
        if colours != 3 or bool(rows) != bool(columns):
            raise BadBatch(f'window={window.index}: pixels of {rows}x{columns}x{colours}')

    def encode(self, windows: Sequence[Window]) -> list[Embedding]:
        """Embeddings of the windows, in their order. `check` must have accepted every window."""
        places = [token_grid(self.arch, w.offset).place(w.index) for w in windows]
        tokens = self.tokens(places, [w.pixels for w in windows], [w.corner for w in windows])
        return [self._reply(w, t) for w, t in zip(windows, tokens, strict=True)]

    def tokens(
        self, places: Sequence[Place], pixels: Sequence[Pixels], corners: Sequence[Place]
    ) -> list[Values]:
        """(rows, columns, C) float32 tokens for (h, w, 3) uint8 contents.

        A place is the row and column of a window's first token on the canvas, as `Grid.place` has
        it; a corner is the row and column of the window, px, where its content begins. Window
        padding is cut off.
        """
        weight, side = next(self.encoder.parameters(), torch.empty(0)), self.arch.window_px
        pairs = zip(pixels, corners, strict=True)
        batch = torch.stack([preprocess.on_canvas(p, side, corner) for p, corner in pairs])
        with torch.inference_mode():
            tokens = self.encoder(
                batch.to(weight), torch.tensor(list(places), device=weight.device)
            )
        found = zip(tokens.float().cpu().numpy(), places, strict=True)
        return [np.ascontiguousarray(values[self.inside(place)]) for values, place in found]

    def warm_up(self) -> None:
        """Encodes one window of padding, so that torch's own set-up does not delay the first."""
        self.tokens([(0, 0)], [np.empty((0, 0, 3), np.uint8)], [(0, 0)])

    def inside(self, place: Place) -> tuple[Span, Span]:
        """The rows and columns of a window that lie on the canvas, in tokens."""
        size, window = self.arch.tokens, self.arch.window
        rows, columns = (slice(max(0, -at), min(window, size - at)) for at in place)
        return rows, columns

    def _reply(self, window: Window, tokens: Values) -> Embedding:
        height, width, channels = tokens.shape
        return Embedding(
            request_id=window.request_id,
            model_id=self.model_id,
            index=window.index,
            shape=(height, width, channels),
            dtype=window.reply_dtype,
            values=fitted_codec.encode(tokens, window.reply_dtype, self.fitted),
        )
