"""Turns an image embedding and prompts into the logits of masks.

Prompt encoder and mask decoder are SAM's own, or the mask decoder is that of fine_decoder.py.
core/model/masks.py scales the logits to the frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from pedsam_ros.core.architecture import FINE_PER_SIDE, Architecture
from pedsam_ros.core.edge_compute import Making
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import preprocess, sam
from pedsam_ros.core.model.fine_decoder import AT_4, Features, FineMaskDecoder, named_by
from pedsam_ros.core.model.refiner import (
    Refiner,
    cutting,
    draw,
    features_at,
    grid_of,
    inputs,
    look_at,
    sample,
    snap,
)
from pedsam_ros.core.types import Prompt
from pedsam_ros.core.windows import Canvas

_MOST_BYTES = 2**28  # what decoding some prompts together may take
_TOKENS, _MOST_TOKENS = 8, 1024  # of a prompt without points; of prompts decoded together
# What decoding a prompt takes, as measured: float32 copies of the image embedding, of our features
# at stride 4, and bytes for each px of the crops of its three masks.
_MAPS, _FINE_MAPS, _LOOK_BYTES = 10, 4, 750


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """N masks that a decoder offers.

    `logits` (N, h, w), `scores` (N,) predicted IoU, `prompts` (N,) index of the prompt. The logits
    cover the whole canvas; those of refined masks cover `spans` (N, 4) of the frame: x0, y0, x1,
    y1, px.
    """

    logits: Tensor
    scores: Tensor
    prompts: Tensor
    spans: Tensor | None = None

    def keep(self, which: Tensor) -> Candidates:
        """The candidates that a boolean mask or a list of indices selects."""
        spans = None if self.spans is None else self.spans[which]
        return Candidates(self.logits[which], self.scores[which], self.prompts[which], spans)


class Decoder(nn.Module):
    """SAM's prompt encoder and mask decoder. A model with a stem has our mask decoder instead of
    SAM's, and our refiner if the architecture has one.

    Parameters carry SAM's names. Without its refiner (None) it answers with the coarse masks.
    """

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.image_px = arch.image_px
        self.prompt_encoder = sam.prompt_encoder_of(arch)
        self.fine = arch.fine_dim > 0
        self.mask_decoder: Any = (FineMaskDecoder if self.fine else sam.mask_decoder_of)(arch)
        self.refiner = Refiner(arch) if arch.refine_px else None
        self.most_prompts = max(1, _MOST_BYTES // _bytes_of(arch))  # to be decoded together

    def features(self, embedding: Tensor) -> Features | None:
        """What our mask decoder and the refiner read of embeddings, whatever the prompts: to be
        computed once of an image. None for SAM's, which reads the embedding itself."""
        return self.mask_decoder.features(embedding) if self.fine else None

    def forward(
        self,
        embedding: Tensor,
        points: Tensor | None,
        boxes: Tensor | None,
        features: Features | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Three masks for each of B prompts: logits (B, 3, 4T, 4T), predicted IoU (B, 3).

        `embedding` is (1, E, T, T); SAM's decoder also takes one for each prompt. `points` (B, n,
        3) holds x, y and label, `boxes` (B, 4) x0, y0, x1, y1; in canvas px. `features` are those
        of the embedding, if they were computed already.
        """
        if self.fine:
            rows = _first(cast(Tensor, boxes if points is None else points))
            read = features or cast(Features, self.features(embedding))
            return self.fine_masks(read, rows, points, boxes)
        sparse, dense, image_pe = self.prompted(points, boxes)
        return cast(
            tuple[Tensor, Tensor],
            self.mask_decoder(  # it allows one image only, but adds it to the dense prompt anyway
                image_embeddings=torch.zeros_like(embedding[:1]),
                image_pe=image_pe,
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense + embedding,
                multimask_output=True,
            ),
        )

    def fine_masks(
        self, features: Features, rows: Tensor, points: Tensor | None, boxes: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """As `forward`, by our mask decoder, for prompts of images `rows` (B,).

        It also gets the prompts as drawings, in the place of SAM's mask prompt.
        """
        drawn, named = self.drawn(points, boxes), named_by(points, boxes)
        prompted = self.prompted(points, boxes, drawn)
        masks = self.mask_decoder(features, rows, prompted, drawn, named)
        return cast(tuple[Tensor, Tensor], masks)

    def prompted(
        self, points: Tensor | None, boxes: Tensor | None, drawn: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """What a mask decoder reads of B prompts: their tokens, (B, n, E); dense prompts, (B, E,
        T, T), made of drawings (B, 1, 4T, 4T) if there are any; positions, (1, E, T, T)."""
        device = cast(Tensor, boxes if points is None else points).device
        with torch.autocast(device.type, enabled=False):  # positions need full precision
            sparse, dense = self.prompt_encoder(
                points=None if points is None else (points[..., :2], points[..., 2]),
                boxes=boxes,
                masks=drawn,
            )
            image_pe = self.prompt_encoder.get_dense_pe()
        return sparse, dense, image_pe

    def most_of(self, points: int) -> int:
        """How many prompts of so many points are to be decoded together at most."""
        return max(1, min(self.most_prompts, _MOST_TOKENS // (_TOKENS + points)))

    def answer(self, encoded: Encoded, prompts: Sequence[Prompt]) -> Making[Candidates]:
        """One mask for each prompt, in order: the one of its three with the highest predicted IoU.

        The prompts fit the frame, have equally many points, and all or none have a box. Yields
        where it takes long.
        """
        device = encoded.embedding.device
        chosen = [_on_canvas(prompt, encoded.canvas) for prompt in prompts]
        points = torch.tensor([p.points for p in chosen], device=device)
        boxes = torch.tensor([p.box for p in chosen if p.box], device=device)
        asked = points if points.numel() else None, boxes if boxes.numel() else None
        features = self.features(encoded.embedding)
        logits, scores = self(encoded.embedding, *asked, features)
        each = torch.arange(len(prompts)).repeat_interleave(logits.shape[1])
        found = Candidates(logits.flatten(0, 1), scores.flatten(), each)
        of_points, of_boxes = (None if part is None else part[each] for part in asked)
        found = yield from self.refine(encoded, found, of_points, of_boxes, features)
        best = found.scores.view(len(prompts), -1).argmax(1).cpu()
        return found.keep(best + torch.arange(len(prompts)) * logits.shape[1])

    def refine(
        self,
        encoded: Encoded,
        found: Candidates,
        points: Tensor | None,
        boxes: Tensor | None,
        features: Features | None = None,
    ) -> Making[Candidates]:
        """Refines each of N candidates by a closer look at the image; without a refiner, nothing.
        Yields where it takes long.

        `points` (N, n, 3) and `boxes` (N, 4), canvas px, are the prompts of the candidates.
        `features` are those of the embedding, if they were computed already.
        """
        if self.refiner is None:
            return found
        px, side, canvas = self.image_px, self.refiner.side, encoded.canvas
        spans, rects = snap(look_at(found.logits, boxes, canvas, px), canvas)
        image = torch.tensor(encoded.rgb, device=spans.device).permute(2, 0, 1)
        crops = yield from cutting(image, spans, side)
        grid = grid_of(rects, side)
        read = inputs(
            preprocess.normalise(crops),
            sample(found.logits[:, None], grid, px)[:, 0],
            draw(points, boxes, grid),
        )
        of_image = features or cast(Features, self.features(encoded.embedding))
        around = features_at(of_image, _first(rects), rects, side, px)
        logits, scores = self.refiner(read, around, found.scores)
        return Candidates(logits, scores, found.prompts, spans)

    def drawn(self, points: Tensor | None, boxes: Tensor | None) -> Tensor:
        """(B, 1, 4T, 4T) drawings of the prompts, in the place of SAM's mask prompt."""
        side = self.prompt_encoder.mask_input_size[0]
        some = cast(Tensor, boxes if points is None else points)
        whole = some.new_tensor([[0.0, 0.0, self.image_px, self.image_px]])
        grid = grid_of(whole, side).expand(len(some), -1, -1, -1)
        return draw(points, boxes, grid)[:, None]


def _bytes_of(arch: Architecture) -> int:
    """What decoding a prompt and then refining its three masks takes at most."""
    bytes_decoded = 4 * _MAPS * arch.embedding_dim * arch.tokens**2
    if arch.fine_dim:
        bytes_decoded += 4 * _FINE_MAPS * AT_4 * (FINE_PER_SIDE * arch.tokens) ** 2
    return max(bytes_decoded, _LOOK_BYTES * arch.refine_px**2)


def _first(some: Tensor) -> Tensor:
    """The image of each of `some` prompts or places, if there is one image only: (N,) zeros."""
    return torch.zeros(len(some), dtype=torch.int64, device=some.device)


def _on_canvas(prompt: Prompt, canvas: Canvas) -> Prompt:
    """A prompt in frame px -> the same prompt in canvas px."""
    points = tuple((*canvas.to_canvas(x, y), label) for x, y, label in prompt.points)
    if prompt.box is None:
        return Prompt(points)
    x0, y0, x1, y1 = prompt.box
    return Prompt(points, (*canvas.to_canvas(x0, y0), *canvas.to_canvas(x1, y1)))
