"""Turns an image embedding and prompts into masks at the camera's size.

Prompt encoder and mask decoder are SAM's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import preprocess, sam
from pedsam_ros.core.model.refiner import (
    Refiner,
    cut,
    draw,
    grid_of,
    inputs,
    look_at,
    sample,
    snap,
)
from pedsam_ros.core.prompts import check_prompt
from pedsam_ros.core.types import Mask, Prompt
from pedsam_ros.core.windows import Canvas

_OUTSIDE = -16.0  # logit of pixels that a refined mask does not cover


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

    @classmethod
    def join(cls, parts: Sequence[Candidates]) -> Candidates:
        """All candidates of all parts, in order. Either all parts have spans or no part has."""
        spans = [p.spans for p in parts if p.spans is not None]
        return cls(
            torch.cat([p.logits for p in parts]),
            torch.cat([p.scores for p in parts]),
            torch.cat([p.prompts for p in parts]),
            torch.cat(spans) if spans else None,
        )


class Decoder(nn.Module):
    """SAM's prompt encoder and mask decoder, and our refiner if the architecture has one.

    Parameters carry SAM's names.
    """

    def __init__(self, arch: Architecture) -> None:
        super().__init__()
        self.image_px = arch.image_px
        self.prompt_encoder = sam.prompt_encoder_of(arch)
        self.mask_decoder = sam.mask_decoder_of(arch)
        self.refiner = Refiner(arch) if arch.refine_px else None

    def forward(
        self, embedding: Tensor, points: Tensor | None, boxes: Tensor | None
    ) -> tuple[Tensor, Tensor]:
        """Three masks for each of B prompts: logits (B, 3, 4T, 4T), predicted IoU (B, 3).

        `embedding` is (1, E, T, T) or has one entry for each prompt. `points` (B, n, 3) holds x, y
        and label, `boxes` (B, 4) x0, y0, x1, y1; in canvas px. A model with a refiner also gets
        the prompt as a drawing, in the place of SAM's mask prompt.
        """
        with torch.autocast(embedding.device.type, enabled=False):  # positions need full precision
            sparse, dense = self.prompt_encoder(
                points=None if points is None else (points[..., :2], points[..., 2]),
                boxes=boxes,
                masks=None if self.refiner is None else self._drawn(points, boxes),
            )
            image_pe = self.prompt_encoder.get_dense_pe()
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

    def answer(self, encoded: Encoded, prompts: Sequence[Prompt]) -> Candidates:
        """One mask for each prompt, in order: the one of its three with the highest predicted IoU.

        The logits are at the frame's size. Raises BadPrompt if a prompt does not fit the frame.
        """
        for prompt in prompts:
            check_prompt(prompt, *encoded.canvas.frame)
        groups = defaultdict(list)  # prompts of one shape are decoded together
        for i, prompt in enumerate(prompts):
            groups[len(prompt.points), prompt.box is None].append(i)
        parts = [
            self._answer_alike(encoded, prompts, torch.tensor(group)) for group in groups.values()
        ]
        answers = Candidates.join(parts)
        return self.to_frame(answers.keep(answers.prompts.argsort()), encoded.canvas)

    def refine(
        self, encoded: Encoded, found: Candidates, points: Tensor | None, boxes: Tensor | None
    ) -> Candidates:
        """Refines each of N candidates by a closer look at the image; without a refiner, nothing.

        `points` (N, n, 3) and `boxes` (N, 4), canvas px, are the prompts of the candidates.
        """
        if self.refiner is None:
            return found
        px, side, canvas = self.image_px, self.refiner.side, encoded.canvas
        spans, rects = snap(look_at(found.logits, boxes, canvas.content, px), canvas)
        image = torch.tensor(encoded.rgb, device=spans.device).permute(2, 0, 1)
        grid, embedding = grid_of(rects, side), encoded.embedding.expand(len(rects), -1, -1, -1)
        read = inputs(
            preprocess.normalise(cut(image, spans, side)),
            sample(found.logits[:, None], grid, px)[:, 0],
            draw(points, boxes, grid),
        )
        context = sample(embedding, grid_of(rects, side // 4), px)
        logits, scores = self.refiner(read, context, found.scores)
        return Candidates(logits, scores, found.prompts, spans)

    def to_frame(self, found: Candidates, canvas: Canvas) -> Candidates:
        """Scales the logits to the frame: (N, H, W)."""
        if found.spans is not None:
            return replace(found, logits=_laid(found.logits, found.spans, canvas), spans=None)
        # Source: SAM sam.py, postprocess_masks.
        height, width = canvas.content
        square = (self.image_px, self.image_px)
        logits = F.interpolate(found.logits[:, None], square, mode='bilinear', align_corners=False)
        logits = logits[..., :height, :width]
        logits = F.interpolate(logits, canvas.frame, mode='bilinear', align_corners=False)
        return replace(found, logits=logits[:, 0])

    def _answer_alike(
        self, encoded: Encoded, prompts: Sequence[Prompt], group: Tensor
    ) -> Candidates:
        """Answers the prompts of a group: they have equally many points, and all or no box."""
        device = encoded.embedding.device
        chosen = [_on_canvas(prompts[i], encoded.canvas) for i in group]
        points = torch.tensor([p.points for p in chosen], device=device)
        boxes = torch.tensor([p.box for p in chosen if p.box], device=device)
        asked = points if points.numel() else None, boxes if boxes.numel() else None
        logits, scores = self(encoded.embedding, *asked)
        each = torch.arange(len(group)).repeat_interleave(logits.shape[1])
        found = Candidates(logits.flatten(0, 1), scores.flatten(), group[each])
        own = (None if part is None else part[each] for part in asked)
        found = self.refine(encoded, found, *own)
        best = found.scores.view(len(group), -1).argmax(1).cpu()
        return found.keep(best + torch.arange(len(group)) * logits.shape[1])

    def _drawn(self, points: Tensor | None, boxes: Tensor | None) -> Tensor:
        """(B, 1, 4T, 4T) drawings of the prompts, in the place of SAM's mask prompt."""
        side = self.prompt_encoder.mask_input_size[0]
        some = cast(Tensor, boxes if points is None else points)
        whole = some.new_tensor([[0.0, 0.0, self.image_px, self.image_px]])
        grid = grid_of(whole, side).expand(len(some), -1, -1, -1)
        return draw(points, boxes, grid)[:, None]


def _laid(logits: Tensor, spans: Tensor, canvas: Canvas) -> Tensor:
    """Lays (N, R, R) logits of spans into whole frames, (N, H, W)."""
    whole = logits.new_full((len(logits), *canvas.frame), _OUTSIDE)
    for one, part, (x0, y0, x1, y1) in zip(whole, logits, spans.tolist(), strict=True):
        size = (y1 - y0, x1 - x0)
        one[y0:y1, x0:x1] = F.interpolate(
            part[None, None], size, mode='bilinear', align_corners=False
        )[0, 0]
    return whole


def to_masks(candidates: Candidates) -> tuple[Mask, ...]:
    """Binary masks with score, stability, tight box, area and COCO run lengths.

    The logits must be at the frame's size.
    """
    binary = candidates.logits > 0
    boxes = sam.amg.batched_mask_to_box(binary).cpu().numpy()
    stabilities = stability(candidates.logits, 1.0).tolist()
    runs = sam.amg.mask_to_rle_pytorch(binary.cpu())
    rows = zip(
        candidates.prompts.tolist(),
        candidates.scores.tolist(),
        stabilities,
        boxes,
        runs,
        strict=True,
    )
    return tuple(_to_mask(*row) for row in rows)


def _to_mask(
    prompt: int, score: float, stable: float, box: NDArray[np.int64], run: dict[str, Any]
) -> Mask:
    area = sam.amg.area_from_rle(run)
    x0, y0, x1, y1 = (int(value) for value in box)
    size = (x1 - x0 + 1, y1 - y0 + 1) if area else (0, 0)  # SAM's own width is one px less
    return Mask(prompt, score, stable, (x0, y0, *size), area, tuple(run['counts']))


def stability(logits: Tensor, offset: float) -> Tensor:
    """(N,) IoU between each mask cut at +offset and at -offset; 0 where both are empty.

    Source: SAM amg.py.
    """
    return cast(Tensor, sam.amg.calculate_stability_score(logits, 0.0, offset)).nan_to_num(0.0)


def _on_canvas(prompt: Prompt, canvas: Canvas) -> Prompt:
    """A prompt in frame px -> the same prompt in canvas px."""
    points = tuple((*canvas.to_canvas(x, y), label) for x, y, label in prompt.points)
    if prompt.box is None:
        return Prompt(points)
    x0, y0, x1, y1 = prompt.box
    return Prompt(points, (*canvas.to_canvas(x0, y0), *canvas.to_canvas(x1, y1)))
