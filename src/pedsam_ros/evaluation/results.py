"""Asks a model about every sample, and sums up what all models achieved as figures."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tqdm import tqdm

from pedsam_ros.core.types import Frame, FrameKey, Mask
from pedsam_ros.evaluation import tables
from pedsam_ros.evaluation.protocol import Score, Segmenter, answers, scores
from pedsam_ros.evaluation.samples import CLASSES, Sample
from pedsam_ros.evaluation.variants import VARIANTS

_SHOWN = 8  # samples in the picture


@dataclass(slots=True)
class Result:
    """The scores of one model, its masks of the samples that are shown, and the time it took."""

    scores: list[Score] = field(default_factory=list)
    shown: dict[int, dict[str, tuple[Mask, ...]]] = field(default_factory=dict)
    seconds: float = 0.0


def result_of(
    model: Segmenter, samples: Sequence[Sample], kinds: Sequence[str], name: str
) -> Result:
    """Asks the model about every sample once, with prompts of some kinds; shows its progress.

    `shown` maps the index of a sample to its masks by kind of prompt. Raises PedsamError.
    """
    result, shown = Result(), shown_of(samples)
    for i, sample in enumerate(tqdm(samples, desc=name, unit='image')):
        frame = Frame(FrameKey(i + 1, sample.name), sample.rgb())
        begun = time.monotonic()
        answered = answers(model, frame, sample, kinds)
        result.seconds += time.monotonic() - begun
        result.scores += scores(sample, answered)
        if i in shown:
            result.shown[i] = answered
    return result


def shown_of(samples: Sequence[Sample]) -> list[int]:
    """The indices of the samples that the picture shows: a few, evenly spread."""
    count = min(_SHOWN, len(samples))
    return [i * len(samples) // count for i in range(count)]


def figures_of(results: Mapping[str, Result], samples: Sequence[Sample]) -> dict[str, Any]:
    """Mean IoU of each model by source and overall, counts of segments, seconds per image.

    `contribution` has the same cells: how far a model is above the one without an image.
    `ped_over_sam` is the ratio of both orders over all segments, by kind of prompt: of the scores,
    and of the contributions.
    """
    segments = tables.counts(samples)
    models = {name: tables.by_source(r.scores, segments) for name, r in results.items()}
    overall = {name: tables.cells(r.scores, (*CLASSES, tables.ALL)) for name, r in results.items()}
    against = {name: VARIANTS[name].against for name in results}
    pairs = {name: other for name, other in against.items() if other in results}
    contributed = {name: tables.above(overall[name], overall[o]) for name, o in pairs.items()}
    return {
        'models': models,
        'overall': overall,
        'contribution': {
            'models': {
                name: {s: tables.above(models[name][s], models[o][s]) for s in segments}
                for name, o in pairs.items()
            },
            'overall': contributed,
        },
        'ped_over_sam': {
            'score': tables.ratio(overall, 'ped', 'sam'),
            'contribution': tables.ratio(contributed, 'ped', 'sam'),
        },
        'segments': segments,
        'seconds_per_image': {name: r.seconds / len(samples) for name, r in results.items()},
    }
