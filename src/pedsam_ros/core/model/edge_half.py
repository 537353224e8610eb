"""What the edge computes: the global blocks and the masks and, if it has the worker's half, some
windows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.edge_compute import Late, Making, finished, never
from pedsam_ros.core.errors import BadBatch, BadReply
from pedsam_ros.core.in_flight import Encoded, InFlight
from pedsam_ros.core.model import fitted_codec, preprocess
from pedsam_ros.core.model.automatic import automatic, suited
from pedsam_ros.core.model.decoder import Decoder
from pedsam_ros.core.model.fitted_codec import FittedCodec
from pedsam_ros.core.model.masks import answered
from pedsam_ros.core.model.worker_half import WorkerHalf
from pedsam_ros.core.prompts import sift
from pedsam_ros.core.types import (
    Answer,
    Embedding,
    FrameKey,
    Masks,
    Pixels,
    Prompt,
    Search,
    Values,
    Window,
)
from pedsam_ros.core.windows import Canvas, merge, token_grid


@dataclass(frozen=True, slots=True, eq=False)
class EdgeHalf:
    """The edge's half of a model. It also has the worker's half if windows are to be computed
    here.

    `padding` is the tokens after the window blocks of a canvas that is all padding, with SAM's own
    partition. Windows without content take their tokens from it whatever the partition: they are
    constants of the model, so nobody computes them or is sent anything.
    """

    arch: Architecture
    model_id: str
    encoder: Any  # a GlobalEncoder, or an OnnxHalf in its place
    decoder: Decoder
    padding: Values  # (T, T, C)
    worker: WorkerHalf | None = None
    fitted: FittedCodec | None = None  # the codec of this model, if it has one
    computed_by: str = 'torch'  # what runs the encoder, and in which precision, in words

    def embed(self, tokens: Values) -> Tensor:
        """Turns (T, T, C) tokens after the window blocks into a (1, E, T, T) float32 embedding."""
        weight = next(self.encoder.parameters(), torch.empty(0))
        with torch.inference_mode():
            embedding: Tensor = self.encoder(torch.tensor(tokens[None]).to(weight)).float()
        return embedding

    def reply_dtype(self, transport: str, ratio: int) -> str:
        """The type that workers are asked for: one of codec.TRANSPORTS, the codec by its name on
        the wire. Raises ConfigError if the model has no codec."""
        return fitted_codec.dtype_of(transport, ratio, self.fitted)

    def resize(self, rgb: Pixels, size: tuple[int, int]) -> Pixels:
        """Resizes an (H, W, 3) uint8 image to (h, w) = `size` as SAM does; returns (h, w, 3)
        uint8."""
        return preprocess.resize(rgb, size)

    def compute(self, window: Window) -> Embedding:
        """Computes the embedding of a window that stays on the edge. Raises ValueError without
        the worker's half."""
        return self._worker_half().encode([window])[0]

    def checked(
        self, worker: str, reply: Embedding, dtype: str, offset: tuple[int, int] = (0, 0)
    ) -> Values:
        """Decodes a reply into (rows, columns, C) float32 tokens. `offset` is the grid's, tokens.

        Raises BadReply unless its model, shape, type and values are what was asked for.
        """
        asked = (*token_grid(self.arch, offset).shape(reply.index), self.arch.dim), dtype
        if reply.model_id != self.model_id:
            own = self.model_id
            raise BadReply(worker, f'model_id={reply.model_id!r:.40}, this edge has {own}')
        if (reply.shape, reply.dtype) != asked:
            raise BadReply(worker, f'{reply.shape} {reply.dtype!r:.20}, asked was {asked}')
        if not 0 <= reply.encode_s < math.inf:
            raise BadReply(worker, f'encode_s={reply.encode_s}: not a time')
        try:
            return fitted_codec.decode(reply.values, reply.shape, dtype, self.fitted)
        except BadBatch as error:
            raise BadReply(worker, str(error)) from error

    def encode(self, frame: InFlight) -> Encoded:
        """Runs the global blocks on a frame that has all windows.

        Raises BadReply if finite but absurd embeddings made the result infinite.
        """
        grid = token_grid(self.arch, frame.canvas.offset)
        embedding = self.embed(merge(frame.tokens, grid, self.padding))
        if not embedding.isfinite().all():
            raise BadReply(frame.loudest(), 'its values add up to NaN or infinite ones')
        stale, owners, shift = tuple(sorted(frame.stale)), dict(frame.sources), frame.laid.shift
        return Encoded(frame.key, frame.canvas, embedding, frame.rgb, stale, owners, shift)

    def audit(self, frame: InFlight, index: int, dtype: str, tolerance: float) -> None:
        """Computes a window of a frame again. Raises BadReply if the result differs from the
        worker's by more than `tolerance`, a share of the values: see `error`."""
        error = self.error(frame, index, dtype)
        if error > tolerance:
            raise BadReply(
                frame.sources[index],
                f'window={index} computed again on the edge differs by {error:.2g} of its values',
            )

    @torch.inference_mode()  # torch leaves the mode while a generator waits
    def segment(
        self,
        encoded: Encoded,
        prompts: Sequence[Prompt],
        rules: AutomaticConfig,
        late: Late = never,
    ) -> Making[Answer]:
        """Makes the masks for the prompts that fit the frame; without prompts, of everything in
        view, which is searched until it is `late`. Yields between two batches."""
        size, ended = encoded.canvas.frame, Search.COMPLETE
        good, refused = sift(prompts, size)
        if prompts:
            masks = yield from answered(self.decoder, encoded, good)
        else:
            own = suited(rules, self.arch.name)
            masks, ended = yield from automatic(self.decoder, encoded, own, late)
        stale, shift = encoded.stale, encoded.shift
        whole = Masks(encoded.key, *size, self.model_id, masks, stale, shift, ended)
        return Answer(whole, refused)

    def error(self, frame: InFlight, index: int, dtype: str) -> float:
        """How far a window's tokens are from those computed here and packed as `dtype`: the root
        mean square of the difference, as a share of that of the latter. Raises ValueError without
        the worker's half."""
        place = token_grid(self.arch, frame.canvas.offset).place(index)
        window = [place], [frame.contents[index]], [frame.canvas.content_corner(index)]
        computed = self._worker_half().tokens(*window)[0]
        expected = fitted_codec.repacked(computed, dtype, self.fitted).astype(np.float64)
        difference = np.square(frame.tokens[index] - expected).mean()
        return float(np.sqrt(difference / np.square(expected).mean()))

    def warm_up(self) -> None:
        """Computes once on padding, so that torch's set-up does not delay the first frame."""
        side = self.arch.image_px
        rgb = np.zeros((side, side, 3), np.uint8)
        canvas = Canvas.fit(self.arch, side, side)
        empty = Encoded(FrameKey(0, ''), canvas, self.embed(self.padding), rgb)
        finished(self.segment(empty, (Prompt(((0, 0, 1),)),), AutomaticConfig()))

    def _worker_half(self) -> WorkerHalf:
        if self.worker is None:
            raise ValueError("the worker's half is not here")
        return self.worker
