"""How a model is asked and judged: one prompt a segment, one mask a prompt, its IoU with the
segment at the image's own size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pedsam_ros.core.errors import BadBatch
from pedsam_ros.core.types import Frame, Mask, Masks, Prompt
from pedsam_ros.evaluation import rle
from pedsam_ros.evaluation.samples import Sample, Segment

PROMPTS = ('box', 'point')
_AT_ONCE = 32  # prompts; each needs some (H, W) float32 maps


class Segmenter(Protocol):
    """Whatever turns frames and prompts into masks: core.whole.MonolithicPipeline, for one."""

    def encode(self, frame: Frame) -> Any:
        """Looks at a frame once; what comes back goes into `decode`."""

    def decode(self, encoded: Any, prompts: Sequence[Prompt]) -> Masks:
        """One mask for each prompt, in order, at the frame's size."""


@dataclass(frozen=True, slots=True)
class Score:
    """What one prompt came to."""

    source: str
    of_class: str  # one of samples.CLASSES
    prompt: str  # one of PROMPTS
    iou: float


def prompt_of(segment: Segment, kind: str) -> Prompt:
    """The question about a segment, of one of PROMPTS."""
    if kind == 'box':
        x0, y0, x1, y1 = map(float, segment.box)
        return Prompt(box=(x0, y0, x1, y1))
    x, y = map(float, segment.point)
    return Prompt(points=((x, y, 1),))


def answers(
    model: Segmenter, frame: Frame, sample: Sample, kinds: Sequence[str] = PROMPTS
) -> dict[str, tuple[Mask, ...]]:
    """For each kind of prompt a mask for each segment; the frame is encoded once.

    Raises BadBatch if the model answers something else.
    """
    encoded = model.encode(frame)
    return {
        kind: tuple(
            mask
            for start in range(0, len(sample.segments), _AT_ONCE)
            for mask in _answered(model, encoded, sample, kind, start)
        )
        for kind in kinds
    }


def scores(sample: Sample, answered: Mapping[str, Sequence[Mask]]) -> Iterator[Score]:
    """One for each prompt."""
    for kind, masks in answered.items():
        for segment, mask in zip(sample.segments, masks, strict=True):
            overlap = rle.iou(mask, segment.mask)
            yield Score(sample.source, segment.of_class, kind, overlap)


def _answered(
    model: Segmenter, encoded: Any, sample: Sample, kind: str, start: int
) -> tuple[Mask, ...]:
    asked = [prompt_of(each, kind) for each in sample.segments[start : start + _AT_ONCE]]
    found = model.decode(encoded, asked)
    told = len(found.masks), found.height, found.width
    if told != (len(asked), sample.height, sample.width):
        wanted = len(asked), sample.height, sample.width
        raise BadBatch(f'{sample.name}: (masks, H, W) = {told}, asked was {wanted}')
    return found.masks
