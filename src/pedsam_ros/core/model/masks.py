"""Scales masks to the camera's size, one after the other, and turns each into run lengths at once.

All masks of a large image at that size would take gigabytes. The functions that make many masks
are generators: they yield between two batches, so that their caller can do something else, and
return the masks.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from pedsam_ros.core.edge_compute import Making
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import sam
from pedsam_ros.core.model.decoder import Candidates, Decoder
from pedsam_ros.core.pictures import tight_box
from pedsam_ros.core.run_lengths import run_lengths
from pedsam_ros.core.types import Mask, Prompt
from pedsam_ros.core.windows import Canvas

_PX_AT_ONCE = 2**25  # of all masks that are scaled between two yields
_PROMPTS_AT_ONCE = 64  # as SAM decodes points
_OUTSIDE = -16.0  # logit of pixels that a refined mask does not cover


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """One mask at the frame's size. No pixel outside of its part belongs to it."""

    prompt: int
    score: float
    logits: Tensor  # (h, w) of the part
    corner: tuple[int, int]  # x, y of the part in the frame, px
    frame: tuple[int, int]  # (H, W), px

    def stability(self, offset: float) -> float:
        """IoU between the mask cut at +offset and at -offset; 0 if both are empty.

        `offset` is at most 10, so that nothing outside of the part counts. Source: SAM amg.py.
        """
        found = sam.amg.calculate_stability_score(self.logits[None], 0.0, offset)
        return float(found.nan_to_num(0.0))

    def cleaned(self, min_area_px: int) -> Shape:
        """The mask without holes and islands smaller than `min_area_px`; 0 changes nothing."""
        if not min_area_px:
            return self
        whole = self._whole()
        filled, _ = sam.amg.remove_small_regions((whole > 0).cpu().numpy(), min_area_px, 'holes')
        clean, _ = sam.amg.remove_small_regions(filled, min_area_px, 'islands')
        wanted = torch.from_numpy(clean).to(whole.device)
        whole[wanted != (whole > 0)] *= -1
        return replace(self, logits=whole, corner=(0, 0))

    def mask(self) -> Mask:
        """The mask with its stability, tight box, area and run lengths."""
        part = (self.logits > 0).cpu().numpy()
        x, y, width, height = tight_box(part)
        corner = (self.corner[0] + x, self.corner[1] + y) if width else (0, 0)
        counts = run_lengths(part, self.corner, self.frame)
        box = (*corner, width, height)
        return Mask(self.prompt, self.score, self.stability(1.0), box, sum(counts[1::2]), counts)

    def _whole(self) -> Tensor:
        (x, y), (height, width) = self.corner, self.logits.shape
        whole = self.logits.new_full(self.frame, _OUTSIDE)
        whole[y : y + height, x : x + width] = self.logits
        return whole


def answered(
    decoder: Decoder, encoded: Encoded, prompts: Mapping[int, Prompt]
) -> Making[tuple[Mask, ...]]:
    """One mask for each prompt, in the order of their indices; the prompts fit the frame."""
    groups = defaultdict(list)  # prompts of one form are decoded together
    for index, prompt in prompts.items():
        groups[len(prompt.points), prompt.box is None].append(index)
    batches = [
        group[start : start + most]
        for (points, _), group in groups.items()
        for most in [min(_PROMPTS_AT_ONCE, decoder.most_of(points))]
        for start in range(0, len(group), most)
    ]
    masks: list[Mask] = []
    for number, batch in enumerate(batches):
        if number:
            yield
        found = yield from decoder.answer(encoded, [prompts[index] for index in batch])
        found = replace(found, prompts=torch.tensor(batch))
        masks += yield from to_masks(found, encoded.canvas, decoder.image_px)
    return tuple(sorted(masks, key=lambda mask: mask.prompt))


def to_masks(
    found: Candidates,
    canvas: Canvas,
    canvas_px: int,
    chosen: Callable[[Shape], Shape | None] = lambda shape: shape,
) -> Making[tuple[Mask, ...]]:
    """The candidates as masks, in order. `chosen` may change a shape, or leave it out by None.

    `canvas_px` is the side of the canvas.
    """
    masks, drawn_px = [], 0
    scores, prompts = found.scores.tolist(), found.prompts.tolist()
    for i, (score, prompt) in enumerate(zip(scores, prompts, strict=True)):
        if drawn_px > _PX_AT_ONCE:
            yield
            drawn_px = 0
        logits, corner = _at_frame(found, i, canvas, canvas_px)
        drawn_px += logits.numel()
        shape = chosen(Shape(prompt, score, logits, corner, canvas.frame))
        if shape is not None:
            masks.append(shape.mask())
    return tuple(masks)


def _at_frame(
    found: Candidates, i: int, canvas: Canvas, canvas_px: int
) -> tuple[Tensor, tuple[int, int]]:
    """The logits (h, w) of a candidate on its part of the frame, and the part's corner x, y."""
    coarse = found.logits[i : i + 1, None]
    if found.spans is not None:
        x0, y0, x1, y1 = found.spans[i].tolist()
        return _scaled(coarse, (y1 - y0, x1 - x0))[0, 0], (x0, y0)
    # Source: SAM sam.py, postprocess_masks.
    (top, left), (height, width) = canvas.corner, canvas.content
    square = _scaled(coarse, (canvas_px, canvas_px))
    content = square[..., top : top + height, left : left + width]
    return _scaled(content, canvas.frame)[0, 0], (0, 0)


def _scaled(maps: Tensor, size: tuple[int, int]) -> Tensor:
    return F.interpolate(maps, size, mode='bilinear', align_corners=False)
