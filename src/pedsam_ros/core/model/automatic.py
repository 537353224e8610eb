"""Segments everything in view: a grid of points, three masks for each, then SAM's filters.

Source: SAM automatic_mask_generator.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import torch
from torch import Tensor

from pedsam_ros.core.config import AutomaticConfig
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import sam
from pedsam_ros.core.model.decoder import Candidates, Decoder, stability, to_masks
from pedsam_ros.core.types import Mask

_NO_PROMPT = -1
_SAMS = (0.88, 0.95)  # least predicted IoU and stability in SAM automatic_mask_generator.py
_THRESHOLDS = {'vit_tiny': (0.5, 0.5)}  # a small model predicts lower values for good masks too


def automatic(decoder: Decoder, encoded: Encoded, config: AutomaticConfig) -> tuple[Mask, ...]:
    """Masks of everything in view, the one of highest score first.

    `config` must hold no -1; see `suited`.
    """
    grid = torch.from_numpy(sam.amg.build_point_grid(config.points_per_side)).float()
    points = torch.cat(
        [grid * torch.tensor(encoded.canvas.content[::-1]), torch.ones(len(grid), 1)], dim=1
    )
    found: list[Mask] = []
    for batch in torch.split(
        points[:, None].to(encoded.embedding.device), config.points_per_batch
    ):
        good = _good(decoder, encoded, batch, config)
        found += to_masks(_cleaned(good, config.min_area_px))
    return _without_duplicates(found, config.box_nms_thresh)


def suited(config: AutomaticConfig, name: str) -> AutomaticConfig:
    """Replaces thresholds of -1 by those that suit the architecture of this name."""
    iou, stable = _THRESHOLDS.get(name, _SAMS)
    given_iou, given_stable = config.pred_iou_thresh, config.stability_score_thresh
    return replace(
        config,
        pred_iou_thresh=iou if given_iou < 0 else given_iou,
        stability_score_thresh=stable if given_stable < 0 else given_stable,
    )


def _good(
    decoder: Decoder, encoded: Encoded, points: Tensor, config: AutomaticConfig
) -> Candidates:
    """The masks of some points, (n, 1, 3), that are good and stable enough, at the frame's size.

    A model with a refiner refines the best of each point's three masks, and only the refined
    scores count.
    """
    logits, scores = decoder(encoded.embedding, points, None)
    if decoder.refiner is not None:
        best = scores.argmax(1, keepdim=True)
        logits, scores = logits[torch.arange(len(best))[:, None], best], scores.gather(1, best)
    unprompted = torch.full((scores.numel(),), _NO_PROMPT)
    found = Candidates(logits.flatten(0, 1), scores.flatten(), unprompted)
    found = decoder.refine(encoded, found, points, None)
    found = decoder.to_frame(found.keep(_promising(found, config)), encoded.canvas)
    steady = stability(found.logits, config.stability_score_offset)
    return found.keep((steady >= config.stability_score_thresh).cpu())


def _promising(found: Candidates, config: AutomaticConfig) -> Tensor:
    """(N,) bool, on the CPU: whether the predicted IoU is high enough.

    A threshold of 0 lets every mask pass, as in SAM.
    """
    if config.pred_iou_thresh > 0:
        return (found.scores > config.pred_iou_thresh).cpu()
    return torch.ones(len(found.scores), dtype=torch.bool)


def _cleaned(found: Candidates, min_area_px: int) -> Candidates:
    """Removes holes and islands smaller than `min_area_px`; 0 changes nothing."""
    if not min_area_px:
        return found
    logits = found.logits.clone()
    for one in logits:
        filled, _ = sam.amg.remove_small_regions((one > 0).cpu().numpy(), min_area_px, 'holes')
        clean, _ = sam.amg.remove_small_regions(filled, min_area_px, 'islands')
        wanted = torch.from_numpy(clean).to(one.device)
        one[wanted != (one > 0)] *= -1
    return replace(found, logits=logits)


def _without_duplicates(found: Sequence[Mask], threshold: float) -> tuple[Mask, ...]:
    """The masks left by non-maximum suppression of their boxes, the one of highest score first.

    Sides of boxes are last minus first pixel, as in SAM.
    """
    boxes = [(x, y, max(0, w - 1), max(0, h - 1)) for x, y, w, h in (mask.box for mask in found)]
    lift = 1 - min((mask.score for mask in found), default=0.0)  # OpenCV skips scores below 0
    kept = cv2.dnn.NMSBoxes(boxes, [mask.score + lift for mask in found], 0.0, threshold)
    return tuple(found[i] for i in np.asarray(kept, int).reshape(-1))
