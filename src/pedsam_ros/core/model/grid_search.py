"""Asks every point of a grid for three masks and filters them at the frame's size, as SAM does.

Source: SAM automatic_mask_generator.py.
"""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor

from pedsam_ros.core.automatic_config import AutomaticConfig
from pedsam_ros.core.edge_compute import Late, Making
from pedsam_ros.core.in_flight import Encoded
from pedsam_ros.core.model import sam
from pedsam_ros.core.model.decoder import Candidates, Decoder
from pedsam_ros.core.model.filters import NO_PROMPT, steady, without_duplicates
from pedsam_ros.core.model.fine_decoder import Features
from pedsam_ros.core.model.masks import to_masks
from pedsam_ros.core.types import Mask, Search


def grid_search(
    decoder: Decoder, encoded: Encoded, config: AutomaticConfig, late: Late
) -> Making[tuple[tuple[Mask, ...], Search]]:
    """The best `max_masks` masks, that of highest score first, and how the search ended."""
    canvas, most = encoded.canvas, min(config.points_per_batch, decoder.most_prompts)
    grid = torch.from_numpy(sam.amg.build_point_grid(config.points_per_side)).float()
    size, corner = (torch.tensor(each[::-1]) for each in (canvas.content, canvas.corner))
    points = torch.cat([grid * size + corner, torch.ones(len(grid), 1)], dim=1)
    points = points[:, None].to(encoded.embedding.device)
    features, found = decoder.features(encoded.embedding), list[Mask]()
    ended = Search.COMPLETE
    for number, batch in enumerate(torch.split(points, most)):
        if number:
            yield
            if late():
                ended = Search.LATE
                break
        good = yield from _promising(decoder, encoded, features, batch, config)
        kept = partial(steady, config=config)
        found += yield from to_masks(good, canvas, decoder.image_px, kept)
    masks = without_duplicates(found, config.box_nms_thresh)
    if len(masks) > config.max_masks and ended is Search.COMPLETE:
        ended = Search.FULL
    return masks[: config.max_masks], ended


def _promising(
    decoder: Decoder,
    encoded: Encoded,
    features: Features | None,
    points: Tensor,
    config: AutomaticConfig,
) -> Making[Candidates]:
    """The masks of some points, (n, 1, 3), whose predicted IoU is high enough.

    A model with a refiner refines the best of each point's three masks, and only the refined
    scores count. A threshold of 0 lets every mask pass, as in SAM.
    """
    logits, scores = decoder(encoded.embedding, points, None, features)
    if decoder.refiner is not None:
        best = scores.argmax(1, keepdim=True)
        logits, scores = logits[torch.arange(len(best))[:, None], best], scores.gather(1, best)
    unprompted = torch.full((scores.numel(),), NO_PROMPT)
    found = Candidates(logits.flatten(0, 1), scores.flatten(), unprompted)
    found = yield from decoder.refine(encoded, found, points, None, features)
    if config.pred_iou_thresh > 0:
        found = found.keep((found.scores > config.pred_iou_thresh).cpu())
    return found
