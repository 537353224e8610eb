"""What a training run trains: an encoder and a decoder, and the batches that it learns from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

import torch
from torch import Tensor, nn

from pedsam_ros.core.architecture import Architecture
from pedsam_ros.core.model.decoder import Decoder
from pedsam_ros.core.model.fine_decoder import Features
from pedsam_ros.core.model.monolithic import MonolithicEncoder
from pedsam_ros.learn.examples import BOX_PROMPTS, OBJECTS, POINT_PROMPTS, Example

_MEAN_RATE = 0.05  # share of each batch in the running mean token
Read: TypeAlias = Tensor | Features  # SAM's decoder reads embeddings, ours its features of them


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some examples, with their tensors stacked and the prompts of all their objects in a row."""

    examples: Sequence[Example]
    offset: tuple[int, int]  # of the partition, tokens
    pixels: Tensor  # (B, 3, P, P)
    vacant: Tensor  # (B, T, T) bool
    coarse: Tensor  # (B, OBJECTS, 4T, 4T)
    boxes: Tensor  # (B, OBJECTS, 4)
    box_prompts: Tensor  # (B * BOX_PROMPTS, 4)
    point_prompts: Tensor  # (B * POINT_PROMPTS, 1, 3)

    @classmethod
    def of(cls, examples: Sequence[Example], device: str = 'cpu') -> Batch:
        """Stacks the examples and moves them to the device.

        Raises ValueError if their partitions differ.
        """
        offset, *others = {example.canvas.offset for example in examples}
        if others:
            raise ValueError(f'offsets={offset, *others}: a batch has one partition')

        def stack(name: str) -> Tensor:
            return torch.stack([getattr(e, name) for e in examples]).to(device)

        return cls(
            examples=examples,
            offset=offset,
            pixels=stack('pixels'),
            vacant=stack('vacant'),
            coarse=stack('coarse'),
            boxes=stack('boxes'),
            box_prompts=stack('box_prompts').flatten(0, 1),
            point_prompts=stack('point_prompts').flatten(0, 1),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Round:
    """A prompt for each of N objects, and the three masks that the decoder offers for each."""

    rows: Tensor  # (N,) index of the example in the batch
    slots: Tensor  # (N,) index of the object in its example
    points: Tensor | None  # (N, n, 3)
    boxes: Tensor | None  # (N, 4)
    logits: Tensor  # (N, 3, 4T, 4T)
    scores: Tensor  # (N, 3)


class Learner(nn.Module):
    """An encoder and a decoder that learn; subclasses define in `forward` what from.

    `name` tells kinds of learners apart, so that a run is not resumed by another kind.
    """

    loss_weights: ClassVar[dict[str, float]]  # by name of the loss; their sum is what falls

    def __init__(self, name: str, arch: Architecture, order: str) -> None:
        super().__init__()
        self.name, self.arch, self.order = name, arch, order
        self.encoder = MonolithicEncoder(arch, order)
        self.decoder = Decoder(arch)
        self.mean_token = nn.Buffer(torch.zeros(arch.dim))  # running, of windows with content

    def forward(self, batch: Any, step: int) -> dict[str, Tensor]:
        """The losses of a batch and other figures for the log, all scalars."""
        raise NotImplementedError

    def encode(self, batch: Batch) -> Tensor:
        """(B, E, T, T) embeddings of a batch, under its partition."""
        tokens = self.encoder.tokens(batch.pixels, batch.offset, batch.vacant)
        if self.training:
            mean = tokens.detach()[~batch.vacant].float().mean(0)
            self.mean_token.lerp_(mean, _MEAN_RATE)
        return self.encoder.embedding(tokens)

    def read(self, embedding: Tensor) -> Read:
        """What `decode` reads of the embeddings of a batch: to be computed once."""
        features = self.decoder.features(embedding)
        return embedding if features is None else features

    def first_round(self, batch: Batch, read: Read) -> list[Round]:
        """Asks the decoder for all box prompts of a batch, then for all point prompts."""
        rows = torch.arange(len(batch.pixels), device=batch.pixels.device)
        slots = torch.arange(OBJECTS, device=rows.device)
        by_box = rows.repeat_interleave(BOX_PROMPTS), slots[:BOX_PROMPTS].repeat(len(rows))
        by_point = rows.repeat_interleave(POINT_PROMPTS), slots[BOX_PROMPTS:].repeat(len(rows))
        return [
            self.decode(read, *by_box, None, batch.box_prompts),
            self.decode(read, *by_point, batch.point_prompts, None),
        ]

    def decode(
        self,
        read: Read,
        rows: Tensor,
        slots: Tensor,
        points: Tensor | None,
        boxes: Tensor | None,
    ) -> Round:
        """Asks the decoder for objects `slots` of examples `rows`."""
        if isinstance(read, Features):
            logits, scores = self.decoder.fine_masks(read, rows, points, boxes)
        else:
            logits, scores = self.decoder(read[rows], points, boxes)
        return Round(rows, slots, points, boxes, logits.float(), scores.float())
