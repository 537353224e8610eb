"""Losses for every pixel of a scene: what belongs together, and where objects meet.

They reach every window, whatever is asked for.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

_FAR = 4.0  # squared distance from all objects at which a pixel is none of them
_MEETING = 3.0  # weight of a pixel at a border, against 1 for all others
_NEVER = -1e4


def cluster_loss(clusters: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of the object of each pixel, told by its distance from the mean of each.

    `clusters` (B, K, h, w); `labels` (B, h, w) int64: objects from 1, 0 for background, which is
    whatever is far from all objects, -1 for pixels that do not count. Small objects weigh more
    than their share.
    """
    found, own = clusters.float().flatten(2).transpose(1, 2), labels.flatten(1)
    member = F.one_hot(own.clamp(min=0), int(labels.max()) + 1) * (own >= 0)[..., None]
    count = member.sum(1)
    with torch.autocast(found.device.type, enabled=False):  # differences of large products
        mean = member.to(found).transpose(1, 2) @ found / count.clamp(min=1)[..., None]
        across = found @ mean.transpose(1, 2)
    apart = found.square().sum(2, keepdim=True) - 2 * across + mean.square().sum(2)[:, None]
    logits = (-apart).masked_fill((count == 0)[:, None], _NEVER)
    logits = torch.cat([torch.full_like(logits[..., :1], -_FAR), logits[..., 1:]], 2)
    each = F.cross_entropy(logits.transpose(1, 2), own.clamp(min=0), reduction='none')
    weight = count.clamp(min=1).rsqrt().gather(1, own.clamp(min=0)) * (own >= 0)
    return ((each * weight).sum(1) / weight.sum(1).clamp(min=1e-6)).mean()


def border_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropy of whether a neighbour, (B, h, w), has another label."""
    meets = torch.zeros_like(labels, dtype=torch.bool)
    rows, columns = labels[:, 1:] != labels[:, :-1], labels[:, :, 1:] != labels[:, :, :-1]
    meets[:, 1:] |= rows
    meets[:, :-1] |= rows
    meets[:, :, 1:] |= columns
    meets[:, :, :-1] |= columns
    counts = labels >= 0
    weight = logits.new_tensor(_MEETING)
    return F.binary_cross_entropy_with_logits(
        logits[counts], meets[counts].to(logits), pos_weight=weight
    )
