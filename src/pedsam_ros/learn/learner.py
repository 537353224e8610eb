"""What a training run moves, and what one batch of examples is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.model.decoder import Decoder
from pedsam_ros.core.model.monolithic import MonolithicEncoder
from pedsam_ros.learn.examples import BOXES, OBJECTS, Example

POINTS = OBJECTS - BOXES


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Examples, and all their objects in two lists: those asked for by a box, then by a point."""

    examples: Sequence[Example]
    pixels: Tensor  # (B, 3, P, P)
    coarse: Tensor  # (B, OBJECTS, 4T, 4T)
    boxes: Tensor  # (B, OBJECTS, 4)
    asked: Tensor  # (B * BOXES, 4)
    points: Tensor  # (B * POINTS, 1, 3)

    @classmethod
    def of(cls, examples: Sequence[Example], device: str = 'cpu') -> Batch:
        """Collates, and moves to the device."""

        def stack(name: str) -> Tensor:
            return torch.stack([getattr(e, name) for e in examples]).to(device)

        asked, points = stack('asked').flatten(0, 1), stack('points').flatten(0, 1)
        return cls(examples, stack('pixels'), stack('coarse'), stack('boxes'), asked, points)


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """One prompt for some objects (N), and the decoder's three candidates for each."""

    rows: Tensor  # (N,) which embedding of the batch
    slots: Tensor  # (N,) which object of its example
    points: Tensor | None
    boxes: Tensor | None
    logits: Tensor  # (N, 3, 4T, 4T)
    scores: Tensor  # (N, 3)


class Learner(nn.Module):
    """An encoder and a decoder; what it learns from a batch is said by whoever fills in
    `forward`."""

    shares: ClassVar[dict[str, float]]  # weights of the losses that make up the whole

    def __init__(self, name: str, arch: Architecture, order: str) -> None:
        super().__init__()
        self.name, self.arch, self.order = name, arch, order
        self.encoder = MonolithicEncoder(arch, order)
        self.decoder = Decoder(arch)

    def forward(self, batch: Batch, step: int) -> dict[str, Tensor]:
        """Losses, and what else is to be logged; scalars."""
        raise NotImplementedError

    def first(self, batch: Batch, embedding: Tensor) -> list[Round]:
        """What the decoder offers for the boxes, and for the points, of a batch."""
        rows = torch.arange(len(embedding), device=embedding.device)
        slots = torch.arange(OBJECTS, device=embedding.device)
        by_box = rows.repeat_interleave(BOXES), slots[:BOXES].repeat(len(rows))
        by_point = rows.repeat_interleave(POINTS), slots[BOXES:].repeat(len(rows))
        return [
            self.decode(embedding, *by_box, None, batch.asked),
            self.decode(embedding, *by_point, batch.points, None),
        ]

    def decode(
        self,
        embedding: Tensor,
        rows: Tensor,
        slots: Tensor,
        points: Tensor | None,
        boxes: Tensor | None,
    ) -> Round:
        """Three candidates for each prompt."""
        logits, scores = self.decoder(embedding[rows], points, boxes)
        return Round(rows, slots, points, boxes, logits.float(), scores.float())
