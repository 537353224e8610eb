"""Losses of masks and of predicted IoU. Focal, dice and IoU as in SAM's paper, but balanced for
training from scratch: SAM's own sums collapse to empty masks there."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_GAMMA = 0.5  # of the focal loss: nearly cross entropy
_OUTSIDE = 0.5  # weight of what lies far from the object


def mask_loss(logits: Tensor, target: Tensor, near: Tensor | None = None) -> Tensor:
    """(N, h, w) logits and shares of object in each pixel -> (N,): focal plus dice.

    `near` (N, h, w) bool: pixels about the object. Those and all others weigh the same however
    many they are, so that a small object is not lost in a large picture.
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
    """(N, h, w) -> (N,): IoU of what is positive with what is mostly object.

    `outside` (N,): pixels of the object that the maps do not show.
    """
    found, wanted = logits > 0, target > 0.5
    union = (found | wanted).sum((1, 2)) + outside
    return (found & wanted).sum((1, 2)) / union.clamp(min=1)


def near_box(boxes: Tensor, side: int, px: int, reach: float = 1.5) -> Tensor:
    """(N, 4) boxes on a canvas of `px` -> (N, side, side) bool: inside the boxes, enlarged."""
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
