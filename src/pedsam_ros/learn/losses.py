"""Losses of masks: focal and dice loss as in SAM's paper, balanced for training from scratch.

With SAM's own balance a model trained from scratch learns to answer with empty masks.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_GAMMA = 0.5  # of the focal loss, which is nearly cross entropy with it
_OUTSIDE = 0.5  # weight of all pixels far from the object, against 1 for those near it


def mask_loss(logits: Tensor, target: Tensor, near: Tensor | None = None) -> Tensor:
    """(N,) focal plus dice loss of logits, (N, h, w).

    `target` (N, h, w) is the object's share of each pixel.
    `near` (N, h, w) bool marks the pixels around the object. Their mean and the mean of all others
    enter with fixed weights, so that a small object counts in a large picture.
    """
    probability = logits.sigmoid()
    cross = F.binary_cross_entropy_with_logits(logits, target, reduction='none')
    focal = cross * ((probability - target).abs() + 1e-6) ** _GAMMA
    if near is None:
        weighed = focal.mean((1, 2))
    else:
        weighed = _mean(focal, near) + _OUTSIDE * _mean(focal, ~near)
    return weighed + _dice(probability, target)


def iou(logits: Tensor, target: Tensor, outside: Tensor | float = 0.0) -> Tensor:
    """(N,) IoU of the positive logits, (N, h, w), with the pixels that are mostly object.

    `outside` (N,) is the number of the object's pixels that lie outside of the maps.
    """
    found, wanted = logits > 0, target > 0.5
    union = (found | wanted).sum((1, 2)) + outside
    return (found & wanted).sum((1, 2)) / union.clamp(min=1)


def near_box(boxes: Tensor, side: int, px: int, reach: float = 1.5) -> Tensor:
    """(N, side, side) bool: the pixels inside boxes, (N, 4), enlarged `reach` times.

    The boxes are in px of a canvas of side `px`, which the maps cover.
    """
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2 * reach
    steps = (torch.arange(side, device=boxes.device) + 0.5) * px / side
    x = (steps - centre[:, :1]).abs() <= half[:, :1].clamp(min=px / side)
    y = (steps - centre[:, 1:]).abs() <= half[:, 1:].clamp(min=px / side)
    return x[:, None, :] & y[:, :, None]


def _mean(values: Tensor, where: Tensor) -> Tensor:
    return (values * where).sum((1, 2)) / where.sum((1, 2)).clamp(min=1)


def _dice(probability: Tensor, target: Tensor) -> Tensor:
    both = (probability * target).sum((1, 2))
    return 1 - (2 * both + 1) / (probability.sum((1, 2)) + target.sum((1, 2)) + 1)
