"""Segments everything in view: a grid of points, three masks for each, then SAM's filters.

Source: SAM automatic_mask_generator.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import cv2
import numpy as np
import torch
from torch import Tensor

from pedsam_ros.core.config import AutomaticConfig
from pedsam_ros.core.edge_compute import Making
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import sam
from pedsam_ros.core.model.decoder import Candidates, Decoder
from pedsam_ros.core.model.masks import Shape, to_masks
from pedsam_ros.core.types import Mask

_NO_PROMPT = -1
_SAMS = (0.88, 0.95)  # least predicted IoU and stability in SAM automatic_mask_generator.py
_THRESHOLDS = {'vit_tiny': (0.5, 0.5)}  # a small model predicts lower values for good masks too


def automatic(
    decoder: Decoder, encoded: Encoded, config: AutomaticConfig
) -> Making[tuple[Mask, ...]]:
    """Masks of everything in view, the one of highest score first.

    `config` must hold no -1; see `suited`.
    """
    canvas = encoded.canvas
    grid = torch.from_numpy(sam.amg.build_point_grid(config.points_per_side)).float()
    size, corner = (torch.tensor(each[::-1]) for each in (canvas.content, canvas.corner))
    points = torch.cat([grid * size + corner, torch.ones(len(grid), 1)], dim=1)
    points = points[:, None].to(encoded.embedding.device)
    most = min(config.points_per_batch, decoder.most_prompts)
    found: list[Mask] = []
    for number, batch in enumerate(torch.split(points, most)):
        if number:
            yield
        good = yield from _promising(decoder, encoded, batch, config)
        found += yield from to_masks(
            good, canvas, decoder.image_px, partial(_steady, config=config)
        )
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


def _promising(
    decoder: Decoder, encoded: Encoded, points: Tensor, config: AutomaticConfig
) -> Making[Candidates]:
    """The masks of some points, (n, 1, 3), whose predicted IoU is high enough.

    A model with a refiner refines the best of each point's three masks, and only the refined
    scores count. A threshold of 0 lets every mask pass, as in SAM.
    """
    logits, scores = decoder(encoded.embedding, points, None)
    if decoder.refiner is not None:
        best = scores.argmax(1, keepdim=True)
        logits, scores = logits[torch.arange(len(best))[:, None], best], scores.gather(1, best)
    unprompted = torch.full((scores.numel(),), _NO_PROMPT)
    found = Candidates(logits.flatten(0, 1), scores.flatten(), unprompted)
    found = yield from decoder.refine(encoded, found, points, None)
    if config.pred_iou_thresh > 0:
        found = found.keep((found.scores > config.pred_iou_thresh).cpu())
    return found


def _steady(shape: Shape, config: AutomaticConfig) -> Shape | None:
    """The shape, cleaned; None if it is not stable enough. SAM compares in float32."""
    if shape.stability(config.stability_score_offset) < np.float32(config.stability_score_thresh):
        return None
    return shape.cleaned(config.min_area_px)


def _without_duplicates(found: Sequence[Mask], threshold: float) -> tuple[Mask, ...]:
    """The masks left by non-maximum suppression of their boxes, the one of highest score first.

    Sides of boxes are last minus first pixel, as in SAM.
    """
    boxes = [(x, y, max(0, w - 1), max(0, h - 1)) for x, y, w, h in (mask.box for mask in found)]
    lift = 1 - min((mask.score for mask in found), default=0.0)  # OpenCV skips scores below 0
    kept = cv2.dnn.NMSBoxes(boxes, [mask.score + lift for mask in found], 0.0, threshold)
    return tuple(found[i] for i in np.asarray(kept, int).reshape(-1))
