"""The masks of points whose predicted IoU is high enough.

SAM's decoder first finds out what each mask is, then draws it. Most masks of a grid of points are
thrown away for their low predicted IoU, so they are not drawn. Our own decoder predicts the IoU
from what a mask covers, so it has to draw them all.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from pedsam_ros.core.model.decoder import Candidates, Decoder
from pedsam_ros.core.model.fine_decoder import Features


def promising(
    decoder: Decoder,
    embedding: Tensor,
    points: Tensor,
    least: float,
    features: Features | None = None,
) -> tuple[Candidates, Tensor]:
    """Of the three masks of each point those whose predicted IoU is above `least`, or all if that
    is 0, as in SAM; and the predicted IoU of all, (B, 3). `Candidates.prompts` are indices of
    points.

    `embedding` is (1, E, T, T), `points` (B, 1, 3): x, y, label in canvas px. `features` are those
    of the embedding, if they were computed already. Source: SAM mask_decoder.py, predict_masks.
    """
    if decoder.fine:
        logits, scores = decoder(embedding, points, None, features)
        prompts, kinds = _above(least, scores)
        return Candidates(logits[prompts, kinds], scores[prompts, kinds], prompts), scores
    sparse, dense, positions = decoder.prompted(points, None)
    dense = dense + embedding
    head: Any = decoder.mask_decoder
    own = torch.cat([head.iou_token.weight, head.mask_tokens.weight])
    tokens = torch.cat([own.expand(len(sparse), -1, -1), sparse], 1)
    told, image = head.transformer(dense, positions.expand_as(dense), tokens)
    scores = head.iou_prediction_head(told[:, 0])[:, 1:]  # the first is of SAM's single mask
    prompts, kinds = _above(least, scores)
    drawn, place = prompts.unique(return_inverse=True)
    maps = head.output_upscaling(image[drawn].transpose(1, 2).unflatten(2, dense.shape[2:]))
    networks = head.output_hypernetworks_mlps[1:]
    weights = [network(told[drawn, 2 + i]) for i, network in enumerate(networks)]
    logits = torch.einsum('nkc,nchw->nkhw', torch.stack(weights, 1), maps)
    return Candidates(logits[place, kinds], scores[prompts, kinds], prompts), scores


def _above(least: float, scores: Tensor) -> tuple[Tensor, ...]:
    """The rows and columns of scores (B, 3) above `least`, or of all if that is 0."""
    return torch.nonzero(scores > (least or -torch.inf), as_tuple=True)
