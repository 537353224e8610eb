"""Asks a model for one mask for each prompt, and scores it.

A score is the mask's IoU with the prompt's segment, at the image's own size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pedsam_ros.core.errors import BadBatch
from pedsam_ros.core.types import Frame, Mask, Masks, Prompt
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.samples import Sample, Segment

PROMPTS = ('box', 'point')
_AT_ONCE = 32  # prompts decoded at once; each needs several (H, W) float32 maps


class Segmenter(Protocol):
    """Turns frames and prompts into masks, as MonolithicPipeline does."""

    def encode(self, frame: Frame) -> Any:
        """Encodes a frame once; the result goes into `decode`."""

    def decode(self, encoded: Any, prompts: Sequence[Prompt]) -> Masks:
        """One mask for each prompt, in order, at the frame's size."""


@dataclass(frozen=True, slots=True)
class Score:
    """The score of one prompt."""

    source: str
    of_class: str  # one of samples.CLASSES
    prompt: str  # one of PROMPTS
    iou: float


def prompt_of(segment: Segment, kind: str) -> Prompt:
    """The prompt for a segment; `kind` is one of PROMPTS."""
    if kind == 'box':
        x0, y0, x1, y1 = map(float, segment.box)
        return Prompt(box=(x0, y0, x1, y1))
    x, y = map(float, segment.point)
    return Prompt(points=((x, y, 1),))


def answers(
    model: Segmenter, frame: Frame, sample: Sample, kinds: Sequence[str] = PROMPTS
) -> dict[str, tuple[Mask, ...]]:
    """The model's masks by kind of prompt, one for each segment; the frame is encoded once.

    Raises BadBatch if the model gives another number or size of masks.
    """
    encoded = model.encode(frame)
    return {
        kind: tuple(
            mask
            for start in range(0, len(sample.segments), _AT_ONCE)
            for mask in _masks(model, encoded, sample, kind, start)
        )
        for kind in kinds
    }


def scores(sample: Sample, answered: Mapping[str, Sequence[Mask]]) -> Iterator[Score]:
    """Yields a score for each mask of `answers`."""
    for kind, masks in answered.items():
        for segment, mask in zip(sample.segments, masks, strict=True):
            overlap = rle.iou(mask, segment.mask)
            yield Score(sample.source, segment.of_class, kind, overlap)


def _masks(
    model: Segmenter, encoded: Any, sample: Sample, kind: str, start: int
) -> tuple[Mask, ...]:
    asked = [prompt_of(each, kind) for each in sample.segments[start : start + _AT_ONCE]]
    found = model.decode(encoded, asked)
    given = len(found.masks), found.height, found.width
    wanted = len(asked), sample.height, sample.width
    if given != wanted:
        raise BadBatch(f'{sample.name}: (masks, H, W) = {given}, asked was {wanted}')
    return found.masks
