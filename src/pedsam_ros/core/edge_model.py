"""What the edge computes: the global blocks, the masks, and, where it has the worker's half, a
window now and then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.automatic import automatic
from pedsam_ros.core.config import AutomaticConfig
from pedsam_ros.core.decoder import Decoder, Encoded, to_masks
from pedsam_ros.core.encoder import GlobalEncoder
from pedsam_ros.core.types import FrameKey, Masks, Pixels, Prompt, Values
from pedsam_ros.core.windows import Canvas
from pedsam_ros.core.worker import Worker


@dataclass(frozen=True, slots=True, eq=False)
class EdgeModel:
    """The edge's half of a model, and what is needed to use it; the worker's half too, if windows
    are to be computed here."""

    arch: Architecture
    model_id: str
    encoder: GlobalEncoder
    decoder: Decoder
    padding: Values  # (T, T, C): what canvas padding looks like after the window blocks
    worker: Worker | None = None

    def embed(self, tokens: Values) -> Tensor:
        """(T, T, C) tokens after the window blocks -> (1, E, T, T) float32."""
        weight = next(self.encoder.parameters())
        with torch.inference_mode():
            embedding: Tensor = self.encoder(torch.tensor(tokens[None]).to(weight)).float()
        return embedding

    def segment(
        self, encoded: Encoded, prompts: Sequence[Prompt], rules: AutomaticConfig
    ) -> Masks:
        """Masks for prompts, or of everything in view if there is none. Raises BadPrompt."""
        with torch.inference_mode():
            if prompts:
                masks = to_masks(self.decoder.answer(encoded, prompts))
            else:
                masks = automatic(self.decoder, encoded, rules)
        return Masks(encoded.key, *encoded.canvas.frame, self.model_id, masks, encoded.stale)

    def error(self, index: int, content: Pixels, tokens: Values) -> float:
        """How far a window's tokens are from what it gives here: root mean square, as a share of
        its own. Raises ValueError without the worker's half."""
        if self.worker is None:
            raise ValueError("the worker's half is not here")
        expected = self.worker.tokens([index], [content])[0].astype(np.float64)
        difference = np.square(tokens - expected).mean()
        return float(np.sqrt(difference / np.square(expected).mean()))

    def warm_up(self) -> None:
        """Computes once on padding, so that the first frame does not pay for what torch sets
        up."""
        side = self.arch.image_px
        rgb = np.zeros((side, side, 3), np.uint8)
        canvas = Canvas.fit(self.arch, side, side)
        empty = Encoded(FrameKey(0, ''), canvas, self.embed(self.padding), rgb)
        self.segment(empty, (Prompt(((0, 0, 1),)),), AutomaticConfig())
