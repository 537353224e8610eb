"""All that a worker computes: windows in, embeddings out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from pedsam_ros.core import codec
from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.errors import BadBatch
from pedsam_ros.core.model import preprocess
from pedsam_ros.core.model.encoder import WindowEncoder
from pedsam_ros.core.shown import written
from pedsam_ros.core.types import Embedding, Pixels, Values, Window
from pedsam_ros.core.windows import pixel_grid, token_grid


@dataclass(frozen=True, slots=True, eq=False)
class WorkerHalf:
    """The worker's half of a model, ready to encode windows."""

    arch: Architecture
    model_id: str
    encoder: WindowEncoder

    def check(self, window: Window) -> None:
        """Raises BadBatch unless the window fits this model."""
        if window.model_id != self.model_id:
            raise BadBatch(
                f'model_id={written(window.model_id)}: this worker runs {self.model_id}'
            )
        if window.reply_dtype not in codec.DTYPES:
            told = written(window.reply_dtype)
            raise BadBatch(f'reply_dtype={told}: one of {", ".join(codec.DTYPES)}')
        height, width = pixel_grid(self.arch).shape(window.index)
        rows, columns, colours = window.pixels.shape
        if not (0 < rows <= height and 0 < columns <= width and colours == 3):
            raise BadBatch(f'window={window.index}: {rows}x{columns} px in {height}x{width}')

    def encode(self, windows: Sequence[Window]) -> list[Embedding]:
        """Embeddings of the windows, in their order. `check` must have accepted every window."""
        tokens = self.tokens([w.index for w in windows], [w.pixels for w in windows])
        return [self._reply(w, t) for w, t in zip(windows, tokens, strict=True)]

    def tokens(self, indices: Sequence[int], pixels: Sequence[Pixels]) -> list[Values]:
        """(rows, columns, C) float32 tokens for (h, w, 3) uint8 contents at grid positions.

        Window padding is cut off.
        """
        weight = self.encoder.pos_embed
        batch = torch.stack([preprocess.on_canvas(p, self.arch.window_px) for p in pixels])
        with torch.inference_mode():
            tokens = self.encoder(
                batch.to(weight), torch.tensor(list(indices), device=weight.device)
            )
        grid = token_grid(self.arch)
        shapes = [grid.shape(index) for index in indices]
        values = tokens.float().cpu().numpy()
        return [np.ascontiguousarray(v[:h, :w]) for v, (h, w) in zip(values, shapes, strict=True)]

    def warm_up(self) -> None:
        """Encodes one window of padding, so that torch's own set-up does not delay the first."""
        self.tokens([0], [np.empty((0, 0, 3), np.uint8)])

    def _reply(self, window: Window, tokens: Values) -> Embedding:
        height, width, channels = tokens.shape
        return Embedding(
            request_id=window.request_id,
            model_id=self.model_id,
            index=window.index,
            shape=(height, width, channels),
            dtype=window.reply_dtype,
            values=codec.encode(tokens, window.reply_dtype),
        )
