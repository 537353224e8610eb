"""Distillation: a reordered model learns to answer as it does in SAM's own block order."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F

from pedsam_ros.core.errors import ConfigError
from pedsam_ros.core.model import loading
from pedsam_ros.core.model.checkpoint import Weights
from pedsam_ros.learn.learner import Batch, Learner, Round


class Student(Learner):
    """Starts from the teacher's weights. Only the encoder learns; the decoder stays the teacher's.

    Raises ConfigError if the teacher's weights were trained reordered.
    """

    loss_weights: ClassVar[dict[str, float]] = {'embedding': 1.0, 'masks': 0.5, 'scores': 1.0}

    def __init__(self, weights: Weights) -> None:
        if weights.order != 'sam':
            raise ConfigError(f"order={weights.order!r}: a teacher has SAM's own block order")
        super().__init__(f'distill {weights.model_id}', weights.arch, 'ped')
        teacher = loading.load_monolithic(weights, 'sam')
        self.encoder.load_state_dict(teacher.encoder.state_dict())
        self.decoder.load_state_dict(teacher.decoder.state_dict())
        self.decoder.requires_grad_(False)
        self._teacher = [teacher.encoder]  # the list hides it from what is trained and saved

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Distances of embedding, masks and scores from the teacher's; IoU with its masks.

        The embedding's distance is a share of the teacher's variance. The teacher always has SAM's
        own partition, whatever that of the batch is.
        """
        with torch.no_grad():
            goal = self._teacher[0].to(batch.pixels.device)(batch.pixels)
            wanted = self.first_round(batch, self.read(goal))
        embedding = self.encode(batch)
        found = self.first_round(batch, self.read(embedding))
        pairs = list(zip(found, wanted, strict=True))
        return {
            'embedding': (embedding - goal).square().mean() / goal.var(),
            'masks': torch.stack([_masks(*pair) for pair in pairs]).mean(),
            'scores': torch.stack(
                [(a.scores - b.scores).square().mean() for a, b in pairs]
            ).mean(),
            'box': _agreement(*pairs[0]),
            'point': _agreement(*pairs[1]),
        }


def _masks(found: Round, wanted: Round) -> Tensor:
    """Mean Kullback-Leibler divergence of the student's mask pixels from the teacher's."""
    return F.binary_cross_entropy_with_logits(found.logits, wanted.logits.sigmoid()) - (
        F.binary_cross_entropy_with_logits(wanted.logits, wanted.logits.sigmoid())
    )


def _agreement(found: Round, wanted: Round) -> Tensor:
    """Mean IoU of the teacher's best masks with the student's masks for the same prompts."""
    best = wanted.scores.argmax(1)
    each = torch.arange(len(best), device=best.device)
    a, b = found.logits[each, best] > 0, wanted.logits[each, best] > 0
    union = (a | b).flatten(1).sum(1)
    return ((a & b).flatten(1).sum(1) / union.clamp(min=1)).mean()
